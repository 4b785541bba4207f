"""The workspace API: list, get-status, export, import, mkdirs, delete."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from mlops_core.local_workspace import disk
from mlops_core.local_workspace.exports import export_object, read_limited
from mlops_core.local_workspace.imports import Upload, import_object
from mlops_core.local_workspace.languages import SOURCE
from mlops_core.local_workspace.node import NOTEBOOK, Node, echoed, join_path, split_path
from mlops_core.local_workspace.places import check_may_create, check_may_remove
from mlops_core.local_workspace.replies import (
    ApiError,
    invalid,
    json_body,
    json_reply,
    missing,
    text_field,
)
from mlops_core.local_workspace.services import Services
from mlops_core.local_workspace.uploads import stage_stream, upload_from_form

_TRUE = ("true", "True", "1")


def workspace_router(services: Services) -> APIRouter:
    """The routes under /api/2.0/workspace."""
    router = APIRouter(prefix="/api/2.0/workspace")
    _add_reads(router, services)
    _add_writes(router, services)
    return router


def files_router(services: Services) -> APIRouter:
    """The undocumented /api/2.0/workspace-files, which older clients use."""
    router = APIRouter(prefix="/api/2.0/workspace-files")

    @router.post("/import-file/{path:path}")
    async def import_file(path: str, request: Request) -> Response:
        staged = await stage_stream(request.stream(), services.tree.incoming)
        overwrite = request.query_params.get("overwrite") in _TRUE
        upload = Upload(f"/{path}", staged, "AUTO", overwrite=overwrite)
        try:
            await run_in_threadpool(import_object, services, upload)
        except ApiError as error:
            raise _import_file_error(error, upload.path) from None
        return json_reply({})

    @router.get("/{path:path}")
    def read_file(path: str) -> Response:
        node = services.tree.find(f"/{path}")
        if node is None or node.kind == NOTEBOOK:
            raise missing(f"/{path}")
        return FileResponse(services.tree.content_path(node))

    return router


def object_fields(node: Node) -> dict[str, object]:
    """An object as the API describes it, its flavour included."""
    fields: dict[str, object] = {
        "path": node.path,
        "object_type": node.kind,
        "object_id": node.object_id,
        "resource_id": str(node.object_id),
        "created_at": node.created_at,
        "modified_at": node.modified_at,
    }
    if node.kind == NOTEBOOK:
        fields["language"] = node.language
        fields["repos_export_format"] = node.flavour
    elif node.size is not None:
        fields["size"] = node.size
    return fields


def _add_reads(router: APIRouter, services: Services) -> None:
    @router.get("/list")
    def list_objects(request: Request) -> Response:
        return json_reply(_listing(services, request.query_params))

    @router.get("/get-status")
    def get_status(request: Request) -> Response:
        path = _path(request.query_params)
        fields = object_fields(services.tree.require(path))
        fields["path"] = echoed(path, str(fields["path"]))
        flavour = fields.pop("repos_export_format", None)
        if flavour and request.query_params.get("return_export_info") in _TRUE:
            fields["repos_export_format"] = flavour
        return json_reply(fields)

    @router.get("/export")
    def export(request: Request) -> Response:
        return _export(services, request.query_params)


def _add_writes(router: APIRouter, services: Services) -> None:
    incoming = services.tree.incoming

    @router.post("/import")
    async def import_(request: Request) -> Response:
        kind = request.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            upload = await upload_from_form(request, incoming)
        else:
            upload = await run_in_threadpool(_upload_from_json, await json_body(request), incoming)
        node = await run_in_threadpool(import_object, services, upload)
        return json_reply({"object_id": node.object_id})

    @router.post("/mkdirs")
    async def mkdirs(request: Request) -> Response:
        path = text_field(await json_body(request), "path")
        await run_in_threadpool(_make_folder, services, path)
        return json_reply({})

    @router.post("/delete")
    async def delete(request: Request) -> Response:
        body = await json_body(request)
        is_recursive = body.get("recursive") in (True, "true")
        await run_in_threadpool(_delete, services, text_field(body, "path"), is_recursive)
        return json_reply({})


def _listing(services: Services, query: Mapping[str, str]) -> dict[str, object]:
    tree, path = services.tree, _path(query)
    top = tree.require(path)
    nodes = tree.children(path) if top.is_folder else (top,)
    since = query.get("notebooks_modified_after", "0")
    if not since.isdecimal():
        raise invalid("notebooks_modified_after is no number")
    objects = [
        {
            name: value
            for name, value in object_fields(node).items()
            if name != "repos_export_format"
        }
        for node in nodes
        if node.kind != NOTEBOOK or node.modified_at > int(since)
    ]
    return {"objects": objects} if objects else {}


def _export(services: Services, query: Mapping[str, str]) -> Response:
    path = _path(query)
    node = services.tree.require(path)
    with_outputs = query.get("outputs", "ALL") != "NONE"
    fmt = query.get("format") or SOURCE
    exported = export_object(services.tree, node, fmt, with_outputs=with_outputs)
    if query.get("direct_download") in _TRUE:
        if isinstance(exported.content, Path):
            return FileResponse(exported.content, media_type="application/octet-stream")
        return Response(exported.content, media_type="application/octet-stream")
    content = base64.b64encode(read_limited(exported, node.kind)).decode()
    return json_reply({"content": content, "file_type": exported.file_type})


def _upload_from_json(body: Mapping[str, object], incoming: Path) -> Upload:
    path, language = text_field(body, "path"), body.get("language")
    try:
        content = base64.b64decode(str(body.get("content") or ""))
    except binascii.Error:
        raise invalid("content is no base64") from None
    return Upload(
        path,
        disk.stage(content, incoming),
        fmt=str(body.get("format") or SOURCE),
        language=str(language) if language else None,
        overwrite=body.get("overwrite") in (True, "true"),
        is_json=True,
    )


def _make_folder(services: Services, path: str) -> None:
    parts = split_path(path)
    for count in range(1, len(parts) + 1):
        folder = join_path(parts[:count])
        if services.tree.find(folder) is None:
            check_may_create(folder, is_folder=True)
    services.tree.make_folder(path)


def _delete(services: Services, path: str, is_recursive: bool) -> None:
    tree = services.tree
    with services.database.transaction():
        node = tree.require(path)
        check_may_remove(path)
        if node.is_folder and not is_recursive and tree.children(path):
            message = f"Folder ({path}) is not empty"
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", message)
        tree.remove(path)


def _import_file_error(error: ApiError, path: str) -> ApiError:
    """The route's own forms of "already exists": 409 for a file, opaque for another kind."""
    if error.reason:
        return ApiError(400, "", f"An item with path {path} already exists.")
    if error.code == "RESOURCE_ALREADY_EXISTS":
        return ApiError(409, error.code, error.message)
    return error


def _path(query: Mapping[str, str]) -> str:
    return text_field(query, "path")
