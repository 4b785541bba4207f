"""`/api/2.x/jobs/…`: saved jobs, and runs of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mlops_core.local_workspace.compute import check_allowed
from mlops_core.local_workspace.job_record import JobRecord, JobRecords
from mlops_core.local_workspace.job_settings import check_settings, shown_settings, updated_settings
from mlops_core.local_workspace.replies import invalid, json_reply
from mlops_core.local_workspace.run_engine import RunEngine
from mlops_core.local_workspace.run_request import (
    list_field,
    number_field,
    parse_token,
    whole_number,
)
from mlops_core.local_workspace.run_start import Parameters, start_job
from mlops_core.local_workspace.runs_routes import VERSIONS, add_post, query_of
from mlops_core.local_workspace.switches import Switches

_JOBS_PER_PAGE = 20
_MOST_JOBS = 100


@dataclass(frozen=True, slots=True)
class JobsApi:
    """The answers of `jobs/…`. ``user`` owns whatever is created; ``on_change`` is told of it."""

    engine: RunEngine
    jobs: JobRecords
    switches: Switches
    user: str
    on_change: Callable[[], None]

    def create(self, body: Mapping[str, object]) -> dict[str, object]:
        """Save a job; its name need not be its own."""
        check_allowed(self.switches, body)
        settings = check_settings(body)
        job = JobRecord(self.engine.records.next_number(), self.user, self.engine.now(), settings)
        self._save(job)
        return {"job_id": job.job_id}

    def reset(self, body: Mapping[str, object]) -> dict[str, object]:
        """Replace all settings but `run_as`, which stays when the new ones have none."""
        job = self._require(body)
        new = dict(check_settings(_settings_of(body)))
        if "run_as" in job.settings:
            new.setdefault("run_as", job.settings["run_as"])
        self._save(dataclasses.replace(job, settings=new))
        return {}

    def update(self, body: Mapping[str, object]) -> dict[str, object]:
        """Replace the given settings, and remove those that `fields_to_remove` names."""
        job = self._require(body)
        removed = [str(name) for name in list_field(body, "fields_to_remove")]
        settings = updated_settings(job.settings, _settings_of(body), removed)
        self._save(dataclasses.replace(job, settings=check_settings(settings)))
        return {}

    def get(self, query: Mapping[str, object]) -> dict[str, object]:
        """One job, with the defaults that the service adds."""
        return self._reply(self._require(query), has_tasks=True)

    def list(self, query: Mapping[str, object], version: str) -> dict[str, object]:
        """Jobs, the newest first, page by page; `name` matches whole names in any case."""
        limit = whole_number(query, "limit", _JOBS_PER_PAGE)
        if not 0 < limit <= _MOST_JOBS:
            raise invalid(f"limit must be between 1 and {_MOST_JOBS}")
        offset = whole_number(query, "page_token", whole_number(query, "offset", 0))
        name = str(query.get("name", "")).lower()
        jobs = [job for job in self.jobs.jobs() if not name or job.name.lower() == name]
        if version == "2.0":
            limit, offset = len(jobs), 0
        has_tasks = version == "2.0" or str(query.get("expand_tasks", "")).lower() == "true"
        page = [self._reply(job, has_tasks=has_tasks) for job in jobs[offset : offset + limit]]
        reply: dict[str, object] = {"has_more": len(jobs) > offset + limit}
        if page:
            reply["jobs"] = page
        if reply["has_more"]:
            reply["next_page_token"] = str(offset + limit)
        if offset:
            reply["prev_page_token"] = str(max(0, offset - limit))
        return reply

    def delete(self, body: Mapping[str, object]) -> dict[str, object]:
        """Forget a job; runs of it that are active go on."""
        self.jobs.delete(self._require(body).job_id)
        self.on_change()
        return {}

    def run_now(self, body: Mapping[str, object]) -> dict[str, object]:
        """Start a run of a saved job."""
        job = self._require(body)
        python = body.get("python_params")
        given = Parameters(
            notebook=_mapping(body, "notebook_params"),
            python=python if isinstance(python, list) else None,
            job=_mapping(body, "job_parameters"),
        )
        run = start_job(self.engine, job, given, token=parse_token(body), trigger="ONE_TIME")
        return {"run_id": run.run_id, "number_in_job": run.run_id}

    def _save(self, job: JobRecord) -> None:
        self.jobs.save(job)
        self.on_change()

    def _require(self, body: Mapping[str, object]) -> JobRecord:
        job_id = number_field(body, "job_id")
        job = self.jobs.find(job_id)
        if job is None:
            raise invalid(f"Job {job_id} does not exist.")
        return job

    def _reply(self, job: JobRecord, *, has_tasks: bool) -> dict[str, object]:
        return {
            "job_id": job.job_id,
            "creator_user_name": job.creator,
            "run_as_user_name": job.creator,
            "created_time": job.created_at,
            "settings": shown_settings(job.settings, has_tasks=has_tasks),
        }


def jobs_router(api: JobsApi) -> APIRouter:
    """The routes, under each version's prefix."""
    router = APIRouter()
    for version in VERSIONS:
        _add_reads(router, api, version)
        for name, answer in _writes(api).items():
            add_post(router, f"/api/{version}/jobs/{name}", answer)
    return router


def _writes(api: JobsApi) -> dict[str, Callable[[Mapping[str, object]], dict[str, object]]]:
    return {
        "create": api.create,
        "reset": api.reset,
        "update": api.update,
        "delete": api.delete,
        "run-now": api.run_now,
    }


def _add_reads(router: APIRouter, api: JobsApi, version: str) -> None:
    @router.get(f"/api/{version}/jobs/get")
    async def get(request: Request) -> Response:
        return json_reply(api.get(await query_of(request)))

    @router.get(f"/api/{version}/jobs/list")
    async def list_jobs(request: Request) -> Response:
        return json_reply(api.list(await query_of(request), version))


def _settings_of(body: Mapping[str, object]) -> Mapping[str, object]:
    return _mapping(body, "new_settings")


def _mapping(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = body.get(name) or {}
    if not isinstance(value, Mapping):
        raise invalid(f"{name} is no object")
    return value
