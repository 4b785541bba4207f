"""The real MLflow server inside the embedded workspace, loaded when it is first needed."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from mlops_core.local_workspace.mlflow_paths import Fate, fate_of, page_of
from mlops_core.local_workspace.model_files import Resolve, model_file_routes
from mlops_core.local_workspace.replies import json_reply
from mlops_core.local_workspace.services import Services


class StoreRegistry(Protocol):
    """MLflow's table of stores by URI scheme, which has no annotations of its own."""

    def register(self, scheme: str, store_builder: Callable[..., object]) -> None:
        """Build stores of ``scheme`` by ``store_builder(store_uri, artifact_uri)``."""


INSTALL = "python -m pip install -r mlflow_triggers/requirements.txt"


class MlflowMount:
    """An ASGI application around another: MLflow's paths go to MLflow, the rest goes on.

    ``load`` takes seconds, so it happens in a thread, at the first request or when ``warm`` is
    called (a run that was submitted will ask for MLflow soon).
    """

    def __init__(self, application: ASGIApp, services: Services) -> None:
        self._application = application
        self._services = services
        self._lock = threading.Lock()
        self._mlflow: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, redirect or hand on one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        path = scope["path"]
        fate = fate_of(path, is_browser=not _has_token(scope))
        page = page_of(path)
        if page:
            await RedirectResponse(page, status_code=307)(scope, receive, send)
        elif fate is Fate.NOT_OURS:
            await self._application(scope, receive, send)
        elif fate is Fate.REFUSE:
            await _refusal(Request(scope))(scope, receive, send)
        elif not is_installed():
            await _not_installed()(scope, receive, send)
        else:
            loaded = self._mlflow
            if loaded is None:
                loaded = await asyncio.to_thread(self.load)
            await loaded(_as_json(scope), receive, send)

    def warm(self) -> None:
        """Begin to load MLflow in the background, if it is installed and not loaded."""
        if self._mlflow is None and not self._lock.locked() and is_installed():
            threading.Thread(target=self.load, name="load-mlflow", daemon=True).start()

    def load(self) -> ASGIApp:
        """MLflow's server application; the first call imports it and opens its database."""
        with self._lock:
            if self._mlflow is None:
                self._mlflow = load_server(self._services)
            return self._mlflow


def is_installed() -> bool:
    """Whether MLflow can be imported; the core installation has none."""
    return importlib.util.find_spec("mlflow") is not None


def load_server(services: Services) -> ASGIApp:
    """Import MLflow's server and give it a store that knows the tree."""
    # MLflow reads its switches from the environment of its process, when it is imported.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    warnings.filterwarnings("ignore", module="mlflow|starlette")
    from mlflow.server.fastapi_app import app

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    folder = services.data_folder.resolve() / "mlflow"
    folder.mkdir(exist_ok=True)
    resolve = _open_stores(services, folder)
    return Starlette(routes=[*model_file_routes(resolve, services.address), Mount("/", app)])


def _open_stores(services: Services, folder: Path) -> Resolve:
    from mlflow.server import handlers
    from mlflow.tracking._tracking_service import utils as tracking

    from mlops_core.local_workspace.mlflow_store import ExperimentStore, version_folder

    database_uri = f"sqlite:///{(folder / 'mlflow.db').as_posix()}"
    artifact_root = _folder_uri(folder / "artifacts")
    store = ExperimentStore(
        services.tree, services.user, database_uri=database_uri, artifact_root=artifact_root
    )
    store.forget_missing()
    services.tree.on_experiment_removed.append(store.forget_experiment)
    # Replacing a scheme's store is how MLflow's plugins work, too. The second registry is the
    # client's, which the server uses as well (it would make an experiment 0 of its own).
    registries: list[StoreRegistry] = [
        handlers._tracking_store_registry,
        tracking._tracking_store_registry,
    ]
    for registry in registries:
        registry.register("sqlite", lambda **_: store)
    handlers.initialize_backend_stores(database_uri, database_uri, artifact_root)
    return version_folder(handlers._get_model_registry_store(), store)


def _folder_uri(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    return folder.as_uri()


def _has_token(scope: Scope) -> bool:
    return any(name == b"authorization" for name, _ in scope["headers"])


def _as_json(scope: Scope) -> Scope:
    """Databricks reads JSON whatever a client calls it (databricks-cli: `text/json`)."""
    if not _has_token(scope):
        return scope
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    return {**scope, "headers": [*headers, (b"content-type", b"application/json")]}


def _refusal(request: Request) -> Response:
    path = request.url.path
    message = f"No API found for '{request.method} {path}'"
    if "/unity-catalog/" in path:
        message += "; this workspace has no Unity Catalog, so set MLFLOW_REGISTRY_URI=databricks"
    return json_reply({"error_code": "ENDPOINT_NOT_FOUND", "message": message}, 404)


def _not_installed() -> Response:
    message = f"MLflow is not installed beside the embedded workspace; run: {INSTALL}"
    return json_reply({"error_code": "NOT_IMPLEMENTED", "message": message}, 501)
