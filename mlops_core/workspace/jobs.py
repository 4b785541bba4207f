"""Job runs and saved jobs (databricks_api 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlops_core.errors import NotFound
from mlops_core.workspace.call import Call
from mlops_core.workspace.fields import Fields
from mlops_core.workspace.http import HttpClient
from mlops_core.workspace.model import JobInfo, JobRun, RunOutput, RunState, TaskRun

_VERSION = "2.1"
_GET = "jobs/runs/get"
_OUTPUT = "jobs/runs/get-output"


@dataclass(frozen=True, slots=True)
class Jobs:
    """Starts, watches and saves jobs, under version 2.1 of the API."""

    http: HttpClient

    def submit(self, body: Mapping[str, object]) -> int:
        """Start a one-time run and give its id.

        Tried again after a lost answer only if ``body`` has an `idempotency_token`, for which
        the service gives the same run twice.
        """
        return self._start("jobs/runs/submit", body)

    def run_now(
        self, job_id: int, *, token: str, notebook_params: Mapping[str, str] | None = None
    ) -> int:
        """Start a saved job and give the run's id; ``token`` is fresh for each intent."""
        body: dict[str, object] = {"job_id": job_id, "idempotency_token": token}
        if notebook_params:
            body["notebook_params"] = dict(notebook_params)
        return self._start("jobs/run-now", body)

    def get_run(self, run_id: int) -> JobRun:
        """A run with all of its tasks; NotFound if there is none."""
        pages = list(self._pages(_GET, run_id=run_id))
        tasks = tuple(_task(each) for page in pages for each in page.items("tasks"))
        first = pages[0]
        page_url = first.text("run_page_url", "")
        return JobRun(first.number("run_id"), _state(first), page_url, tasks)

    def output(self, task_run_id: int) -> RunOutput:
        """What a task left behind; wants the task's run id, not the parent's."""
        answer = self.http.get(_OUTPUT, version=_VERSION, run_id=task_run_id)
        fields = Fields(_OUTPUT, answer.json)
        notebook = fields.part("notebook_output")
        return RunOutput(
            logs=fields.text("logs", ""),
            is_truncated=fields.truth("logs_truncated") or notebook.truth("truncated"),
            error=fields.text("error", ""),
            error_trace=fields.text("error_trace", ""),
            notebook_result=notebook.text("result", ""),
        )

    def cancel(self, run_id: int) -> None:
        """Ask a run to end; it goes on for a while, so watch it until it is over."""
        self.http.post("jobs/runs/cancel", {"run_id": run_id}, version=_VERSION)

    def create(self, settings: Mapping[str, object]) -> int:
        """Save a job and give its id. Never sent twice: the service lets names repeat."""
        call = Call("POST", "jobs/create", body=settings, is_repeatable=False, version=_VERSION)
        return Fields(call.endpoint, self.http.request(call).json).number("job_id")

    def get(self, job_id: int) -> JobInfo:
        """A saved job with its tasks, which `find` leaves out; NotFound if there is none."""
        return _job(
            Fields("jobs/get", self.http.get("jobs/get", version=_VERSION, job_id=job_id).json)
        )

    def list(self) -> tuple[JobInfo, ...]:
        """Every saved job that the user may see, with its tasks."""
        pages = self._pages("jobs/list", limit=100, expand_tasks=True)
        return tuple(_job(each) for page in pages for each in page.items("jobs"))

    def find(self, name: str) -> tuple[JobInfo, ...]:
        """All jobs of that name. The service compares without case; this does not."""
        pages = self._pages("jobs/list", name=name, limit=100)
        jobs = (_job(each) for page in pages for each in page.items("jobs"))
        return tuple(job for job in jobs if job.name == name)

    def reset(self, job_id: int, settings: Mapping[str, object]) -> None:
        """Replace all settings of a job, but for `run_as`, which the service keeps."""
        body = {"job_id": job_id, "new_settings": settings}
        self.http.post("jobs/reset", body, version=_VERSION)

    def delete(self, job_id: int) -> None:
        """Delete a job; one that is missing is done."""
        try:
            self.http.post("jobs/delete", {"job_id": job_id}, version=_VERSION)
        except NotFound:
            return

    def _start(self, path: str, body: Mapping[str, object]) -> int:
        is_repeatable = bool(body.get("idempotency_token"))
        call = Call("POST", path, body=body, is_repeatable=is_repeatable, version=_VERSION)
        return Fields(path, self.http.request(call).json).number("run_id")

    def _pages(self, path: str, **query: object) -> Iterator[Fields]:
        token = ""
        while True:
            answer = self.http.get(path, version=_VERSION, **query, page_token=token)
            page = Fields(path, answer.json)
            yield page
            token = page.text("next_page_token", "")
            if not token:
                return


def _state(fields: Fields) -> RunState:
    state = fields.required_part("state")
    result = state.text("result_state", "") or None
    return RunState(state.text("life_cycle_state"), result, state.text("state_message", ""))


def _task(fields: Fields) -> TaskRun:
    return TaskRun(fields.number("run_id"), fields.text("task_key", ""), _state(fields))


def _job(fields: Fields) -> JobInfo:
    settings = fields.part("settings")
    creator = fields.text("creator_user_name", "")
    return JobInfo(fields.number("job_id"), settings.text("name", ""), creator, settings.values)
