"""Composes the embedded workspace's routes into one application."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mlops_core.local_workspace.control_routes import control_router
from mlops_core.local_workspace.database import Database
from mlops_core.local_workspace.faults import Faults
from mlops_core.local_workspace.identity_routes import identity_router
from mlops_core.local_workspace.jobs_part import JobsPart
from mlops_core.local_workspace.replies import ApiError, error_reply, json_reply
from mlops_core.local_workspace.services import Services
from mlops_core.local_workspace.switches import Switches
from mlops_core.local_workspace.tree import Tree
from mlops_core.local_workspace.workspace_routes import files_router, workspace_router

USER = "you@local"


@contextmanager
def open_services(data_folder: Path, address: Callable[[], tuple[str, str]]) -> Iterator[Services]:
    """The state in a data folder, created where it is missing, closed at the end.

    The caller has made sure that nobody else serves this folder.
    """
    database = Database(data_folder / "workspace.db")
    try:
        tree = Tree(database, data_folder)
        tree.install(USER)
        yield Services(
            data_folder=data_folder,
            database=database,
            tree=tree,
            faults=Faults(),
            switches=Switches(database),
            user=USER,
            workspace_id=workspace_id(database),
            address=address,
        )
    finally:
        database.close()


def workspace_id(database: Database) -> str:
    """This data folder's numeric id; it is drawn once."""
    with database.transaction():
        found = database.fact("workspace_id") or str(10**15 + secrets.randbelow(9 * 10**15))
        database.remember("workspace_id", found)
    return found


def create_app(services: Services, jobs: JobsPart) -> FastAPI:
    """All routes of the workspace, without the door (`security.Gate`) and the faults."""
    app = FastAPI(title="Embedded workspace", openapi_url=None)
    app.add_exception_handler(ApiError, error_reply)
    app.add_exception_handler(404, _unknown_route)
    for router in (workspace_router, files_router, identity_router, control_router):
        app.include_router(router(services))
    app.include_router(jobs.router)
    return app


async def _unknown_route(request: Request, _error: Exception) -> Response:
    message = (
        f"the embedded workspace has no {request.method} {request.url.path}:"
        " add it to a *_routes.py of mlops_core/local_workspace"
    )
    # 501 under /api, so that no client takes the missing route for a missing object
    status = 501 if request.url.path.startswith("/api/") else 404
    return json_reply({"error_code": "ENDPOINT_NOT_FOUND", "message": message}, status)
