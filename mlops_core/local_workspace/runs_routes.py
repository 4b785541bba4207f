"""`/api/2.x/jobs/runs/…`: submit, get, output, cancel, list, delete, export."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mlops_core.local_workspace.compute import check_allowed
from mlops_core.local_workspace.replies import ApiError, invalid, json_body, json_reply
from mlops_core.local_workspace.run_engine import RunEngine
from mlops_core.local_workspace.run_record import RunRecord
from mlops_core.local_workspace.run_reply import run_reply, single_reply
from mlops_core.local_workspace.run_request import number_field, parse_submit, whole_number
from mlops_core.local_workspace.run_start import start_submitted
from mlops_core.local_workspace.switches import Switches

VERSIONS = ("2.0", "2.1", "2.2")
RUNS_PER_PAGE = 20
_MOST_RUNS = 24
_RESULT_LIMIT = 5 * 1024 * 1024
_SEVERAL_TASKS = (
    "Retrieving the output of runs with multiple tasks is not supported. "
    "Please retrieve the output of each individual task run instead."
)


@dataclass(frozen=True, slots=True)
class RunsApi:
    """The answers of `jobs/runs/…`; ``site`` gives `host`, `user` and `org`."""

    engine: RunEngine
    site: Callable[[], Mapping[str, str]]
    switches: Switches

    def submit(self, body: Mapping[str, object]) -> dict[str, object]:
        """Start a run that is not saved as a job."""
        check_allowed(self.switches, body)
        return {"run_id": start_submitted(self.engine, parse_submit(body)).run_id}

    def get(self, query: Mapping[str, object], version: str) -> dict[str, object]:
        """One run with its tasks; a task's own number gives that task as a run."""
        run = self.require(number_field(query, "run_id"))
        return self.reply(run, version)

    def reply(self, run: RunRecord, version: str) -> dict[str, object]:
        """One run as ``version`` tells it."""
        tasks = [run] if run.parent_id else self.engine.records.tasks(run.run_id)
        compose = single_reply if version == "2.0" else run_reply
        return compose(run, tasks, self.site())

    def output(self, query: Mapping[str, object], version: str) -> dict[str, object]:
        """What a task left behind; 2.0 takes the number of a run that has one task as well."""
        run = self.require(number_field(query, "run_id"))
        task = run
        if run.parent_id is None:
            tasks = self.engine.records.tasks(run.run_id)
            if version != "2.0" or len(tasks) != 1:
                raise invalid(_SEVERAL_TASKS)
            task = tasks[0]
        reply: dict[str, object] = {"metadata": self.reply(run, version)}
        if task.error:
            reply |= {"error": task.error, "error_trace": task.error_trace}
        if "notebook_task" in task.spec:
            return reply | {"notebook_output": _notebook_output(task.result)}
        logs, is_truncated = self.engine.launcher.logs(task)
        return reply | {"logs": logs, "logs_truncated": is_truncated}

    def cancel(self, body: Mapping[str, object]) -> dict[str, object]:
        """Ask a run to end; the answer does not wait for it."""
        run = self.require(number_field(body, "run_id"))
        self.engine.cancel(run.parent_id or run.run_id)
        return {}

    def cancel_all(self, body: Mapping[str, object]) -> dict[str, object]:
        """Ask every run of a job to end."""
        for run in self.engine.records.active(number_field(body, "job_id")):
            self.engine.cancel(run.run_id)
        return {}

    def delete(self, body: Mapping[str, object]) -> dict[str, object]:
        """Forget a run that is over; its idempotency token stays taken."""
        run = self.require(number_field(body, "run_id"))
        if not run.status.is_over:
            raise ApiError(400, "INVALID_STATE", f"Run {run.run_id} is active; cancel it first.")
        self.engine.records.save(dataclasses.replace(run, is_deleted=True))
        return {}

    def list(self, query: Mapping[str, object], version: str) -> dict[str, object]:
        """Runs, the newest first, page by page."""
        limit = whole_number(query, "limit", RUNS_PER_PAGE) or _MOST_RUNS
        if not 0 < limit <= _MOST_RUNS + (version == "2.0") * 976:
            raise invalid(f"limit must be between 1 and {_MOST_RUNS}")
        offset = whole_number(query, "page_token", whole_number(query, "offset", 0))
        chosen = [run for run in self.engine.records.runs() if _is_wanted(run, query)]
        page = [self.reply(run, version) for run in chosen[offset : offset + limit]]
        if str(query.get("expand_tasks", "false")).lower() != "true" and version != "2.0":
            for run in page:
                del run["tasks"]
        reply: dict[str, object] = {"has_more": len(chosen) > offset + limit}
        if page:
            reply["runs"] = page
        if reply["has_more"]:
            reply["next_page_token"] = str(offset + limit)
        if offset:
            reply["prev_page_token"] = str(max(0, offset - limit))
        return reply

    def export(self, query: Mapping[str, object]) -> dict[str, object]:
        """A notebook task's page; the notebook's exit value and error are all it shows."""
        task = self.require(number_field(query, "run_id"))
        notebook = task.spec.get("notebook_task")
        if not isinstance(notebook, Mapping):
            raise invalid("Only the task run of a notebook can be exported.")
        path = str(notebook["notebook_path"])
        shown = html.escape(task.error_trace or task.result or "")
        content = f"<!DOCTYPE html>\n<title>{html.escape(path)}</title>\n<pre>{shown}</pre>\n"
        name = path.rpartition("/")[2]
        return {"views": [{"content": content, "name": name, "type": "NOTEBOOK"}]}

    def require(self, run_id: int) -> RunRecord:
        """The run or task; 400 when there is none, as the service answers."""
        run = self.engine.records.find(run_id)
        if run is None:
            raise invalid(f"Run {run_id} does not exist.")
        return run


def runs_router(api: RunsApi) -> APIRouter:
    """The routes, under each version's prefix."""
    router = APIRouter()
    for version in VERSIONS:
        _add_reads(router, api, version)
        _add_writes(router, api, f"/api/{version}/jobs/runs")
    return router


def _add_reads(router: APIRouter, api: RunsApi, version: str) -> None:
    prefix = f"/api/{version}/jobs/runs"

    @router.get(f"{prefix}/get")
    async def get(request: Request) -> Response:
        return json_reply(api.get(await query_of(request), version))

    @router.get(f"{prefix}/get-output")
    async def output(request: Request) -> Response:
        return json_reply(api.output(await query_of(request), version))

    @router.get(f"{prefix}/list")
    async def list_runs(request: Request) -> Response:
        return json_reply(api.list(await query_of(request), version))

    @router.get(f"{prefix}/export")
    async def export(request: Request) -> Response:
        return json_reply(api.export(await query_of(request)))


def _add_writes(router: APIRouter, api: RunsApi, prefix: str) -> None:
    for name, answer in (
        ("submit", api.submit),
        ("cancel", api.cancel),
        ("cancel-all", api.cancel_all),
        ("delete", api.delete),
    ):
        add_post(router, f"{prefix}/{name}", answer)


def add_post(
    router: APIRouter, path: str, answer: Callable[[Mapping[str, object]], dict[str, object]]
) -> None:
    """A route that takes a JSON body and answers with one."""

    @router.post(path)
    async def post(request: Request) -> Response:
        return json_reply(answer(await json_body(request)))


async def query_of(request: Request) -> dict[str, object]:
    """What a GET asks for: its query, and a JSON body, which some clients send instead."""
    return {**await json_body(request), **request.query_params}


def _is_wanted(run: RunRecord, query: Mapping[str, object]) -> bool:
    flags = {name: str(query.get(name, "")).lower() == "true" for name in _ONLY}
    if all(flags.values()):
        raise invalid("active_only and completed_only cannot both be true")
    started_from = whole_number(query, "start_time_from", 0)
    started_to = whole_number(query, "start_time_to", run.started_at)
    return (
        whole_number(query, "job_id", run.job_id) == run.job_id
        and not (flags["active_only"] and run.status.is_over)
        and not (flags["completed_only"] and not run.status.is_over)
        and str(query.get("run_type") or run.run_type) == run.run_type
        and started_from <= run.started_at <= started_to
    )


_ONLY = ("active_only", "completed_only")


def _notebook_output(result: str | None) -> dict[str, object]:
    if result is None:
        return {"truncated": False}
    encoded = result.encode()
    kept = encoded[:_RESULT_LIMIT].decode("utf-8", "ignore")
    return {"result": kept, "truncated": len(encoded) > _RESULT_LIMIT}
