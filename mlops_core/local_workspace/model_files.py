"""Files of registered model versions, handed out as Databricks' workspace registry does it.

MLflow's client, when its registry is `databricks`, lists a version's files, asks for an address
of each one, and fetches that; open-source MLflow's server has none of these routes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from mlops_core.local_workspace.replies import NOT_FOUND, ApiError, error_reply, json_reply

Resolve = Callable[[str, str], Path]
"""The folder of a model's version, by name and number; ApiError without one."""

_PREFIX = "/api/2.0/mlflow/model-versions"
_CONTENT = f"{_PREFIX}/signed-file"


def model_file_routes(resolve: Resolve, address: Callable[[], tuple[str, str]]) -> list[Route]:
    """`list-artifacts`, `get-signed-download-uri`, and the address that the latter gives."""

    def list_files(request: Request) -> Response:
        folder, place = _locate(resolve, request)
        if place.is_file():
            return json_reply({"files": [_entry(folder, place)]})
        return json_reply({"files": [_entry(folder, one) for one in sorted(place.iterdir())]})

    def sign(request: Request) -> Response:
        _locate(resolve, request)
        host, token = address()
        headers = [{"name": "Authorization", "value": f"Bearer {token}"}]
        uri = f"{host}{_CONTENT}?{urlencode(dict(request.query_params))}"
        return json_reply({"signed_uri": uri, "headers": headers})

    def content(request: Request) -> Response:
        return FileResponse(_locate(resolve, request)[1])

    return [
        _route(f"{_PREFIX}/list-artifacts", list_files),
        _route(f"{_PREFIX}/get-signed-download-uri", sign),
        _route(_CONTENT, content),
    ]


def _route(path: str, answer: Callable[[Request], Response]) -> Route:
    async def guarded(request: Request) -> Response:
        try:
            return answer(request)
        except ApiError as refusal:
            return await error_reply(request, refusal)

    return Route(path, guarded)


def _locate(resolve: Resolve, request: Request) -> tuple[Path, Path]:
    query = request.query_params
    name, version, path = query.get("name", ""), query.get("version", ""), query.get("path", "")
    folder = resolve(name, version).resolve()
    place = (folder / path).resolve()
    if not place.is_relative_to(folder) or not place.exists():
        raise ApiError(404, NOT_FOUND, f"Version {version} of model {name} has no file {path!r}")
    return folder, place


def _entry(folder: Path, place: Path) -> dict[str, object]:
    path = place.relative_to(folder).as_posix()
    if place.is_dir():
        return {"path": path, "is_dir": True}
    return {"path": path, "is_dir": False, "file_size": place.stat().st_size}
