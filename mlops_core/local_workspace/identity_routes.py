"""Who is asking: SCIM Me, and what official clients ask any host first."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mlops_core.local_workspace.replies import json_reply
from mlops_core.local_workspace.services import Services


def identity_router(services: Services) -> APIRouter:
    """The routes under /api/2.0/preview/scim."""
    router = APIRouter()

    @router.get("/api/2.0/preview/scim/v2/Me")
    def me() -> Response:
        reply = json_reply(_me(services.user))
        reply.headers["X-Databricks-Org-Id"] = services.workspace_id
        return reply

    return router


def _me(user: str) -> dict[str, object]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "1",
        "userName": user,
        "displayName": user,
        "active": True,
        "emails": [{"value": user, "type": "work", "primary": True}],
        "groups": [{"display": "users"}, {"display": "admins"}],
        "name": {"givenName": user},
        "entitlements": [{"value": "workspace-access"}],
    }
