"""DBFS, which is switched off here as in new workspaces."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mlops_core.local_workspace.replies import ApiError


def dbfs_router() -> APIRouter:
    """Every route of DBFS, and the one that MLflow uploads to; each refuses."""
    router = APIRouter()

    @router.api_route("/api/2.0/dbfs/{name}", methods=["GET", "POST"])
    @router.api_route("/dbfs/{name:path}", methods=["GET", "POST", "PUT"])
    async def refuse(request: Request, name: str) -> Response:
        path = request.query_params.get("path", "")
        raise ApiError(
            403,
            "PERMISSION_DENIED",
            f"Public DBFS root is disabled. Access is denied on path: {path or f'/{name}'}",
        )

    return router
