"""The embedded workspace's own API, under /local: faults, record, switches, tree."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mlops_core.local_workspace.faults import Faults
from mlops_core.local_workspace.replies import json_body, json_reply, text_field
from mlops_core.local_workspace.services import Services
from mlops_core.local_workspace.switches import Switches
from mlops_core.local_workspace.workspace_routes import object_fields


def control_router(services: Services) -> APIRouter:
    """The routes that only tests and benchmarks use; no Databricks workspace has them."""
    router = APIRouter(prefix="/local")
    _add_switches(router, services.switches)
    _add_faults(router, services.faults)

    @router.post("/objects")
    async def add_object(request: Request) -> Response:
        body = await json_body(request)
        node = services.tree.add_other(text_field(body, "path"), text_field(body, "object_type"))
        return json_reply(object_fields(node))

    return router


def _add_switches(router: APIRouter, switches: Switches) -> None:
    @router.get("/switches")
    def read_switches() -> Response:
        return json_reply(dict(switches.all()))

    @router.put("/switches")
    async def move_switches(request: Request) -> Response:
        for name, position in (await json_body(request)).items():
            switches.set(name, str(position))
        return json_reply(dict(switches.all()))


def _add_faults(router: APIRouter, faults: Faults) -> None:
    @router.post("/faults")
    async def add_fault(request: Request) -> Response:
        faults.add(await json_body(request))
        return json_reply({})

    @router.delete("/faults")
    def reset_faults() -> Response:
        faults.reset()
        return json_reply({})

    @router.post("/requests")
    def start_record() -> Response:
        faults.requests.clear()
        faults.is_recording = True
        return json_reply({})

    @router.get("/requests")
    def read_record() -> Response:
        return json_reply({"requests": list(faults.requests)})
