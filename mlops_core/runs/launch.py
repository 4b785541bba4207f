"""Runs a project as a job of the workspace: record, upload, submit, watch, report."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from mlops_core.errors import MlopsError, WorkspaceError
from mlops_core.paths import WorkspacePath, join
from mlops_core.registry import version_of_run
from mlops_core.runs import record as records
from mlops_core.runs.events import (
    Created,
    Notify,
    Outcome,
    Printed,
    Said,
    Submitted,
    Uploaded,
    ignore,
)
from mlops_core.runs.order import Order
from mlops_core.runs.output import OutputReader
from mlops_core.runs.record import Record, complete_params, create_record, end_record
from mlops_core.runs.submission import Target, plan_submission
from mlops_core.runs.upload import Upload, bundle_project, project_files, upload
from mlops_core.runs.verdict import judge
from mlops_core.runs.watch import Ending, Watcher
from mlops_core.workspace.client import WorkspaceClient
from mlops_core.workspace.model import ModelVersion, RunOutput
from mlops_core.workspace.retry import Clock, SystemClock

BACKEND = "databricks-jobs"
CANCEL_POLL = 0.5


def _new_token() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Started:
    """A job's run on its way; ``began`` is in the clock's seconds."""

    order: Order
    record: Record
    upload: Upload
    job_run_id: int
    job_url: str
    began: float

    @property
    def output(self) -> WorkspacePath:
        """The folder where the driver puts what the project prints."""
        return _output_folder(self.order, self.record)


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts runs in one workspace and tells ``notify`` what happens."""

    client: WorkspaceClient
    notify: Notify = ignore
    clock: Clock = field(default_factory=SystemClock)
    new_token: Callable[[], str] = _new_token

    def launch(self, order: Order) -> Outcome:
        """Run ``order``; the outcome says how that went. Raises MlopsError if it never began.

        Ctrl-C cancels the job's run, waits for its end and marks the MLflow run KILLED.
        """
        started = self.start(order)
        return self.follow(started) if order.is_waiting else self.outcome(started)

    def start(self, order: Order) -> Started:
        """Record the run, upload the project, submit the job; a failure leaves no open run."""
        record = create_record(self.client, order, BACKEND, self.notify)
        self.notify(
            Created(record.run_id, record.run_url, record.experiment, record.experiment_url)
        )
        try:
            return self._submit(order, record)
        except BaseException as error:
            is_stopped = isinstance(error, KeyboardInterrupt)
            status = records.KILLED if is_stopped else records.FAILED
            with suppress(MlopsError):  # what went wrong first is what counts
                end_record(self.client.tracking, record.run_id, status, str(error) or "interrupted")
            raise

    def follow(self, started: Started) -> Outcome:
        """Watch a started run to its end."""
        try:
            ending = self._watcher(started).watch()
        except KeyboardInterrupt:
            self.cancel(started)
            raise
        except MlopsError:
            self.notify(Said(f"lost sight of the run, which may go on: {started.job_url}"))
            raise
        return self._conclude(started, ending)

    def outcome(self, started: Started, status: str = records.RUNNING) -> Outcome:
        """What can be said of a run that goes on."""
        record = started.record
        return Outcome(
            run_id=record.run_id,
            run_url=record.run_url,
            experiment=record.experiment,
            experiment_url=record.experiment_url,
            status=status,
            seconds=self.clock.now() - started.began,
            compute=started.order.compute.title if started.order.compute else "",
            job_url=started.job_url,
        )

    def _submit(self, order: Order, record: Record) -> Started:
        home = WorkspacePath(f"/Users/{order.origin.user}")
        bundle = bundle_project(
            order.project, project_files(order.project, order.dependencies.files)
        )
        uploaded = upload(self.client.files, bundle, home)
        self.notify(Uploaded(uploaded.root, uploaded.written))
        target = Target(record.run_id, record.experiment_id, _output_folder(order, record))
        body = plan_submission(order, uploaded, target, self.new_token())
        began = self.clock.now()
        job_run_id = self._submit_body(body)
        job = self.client.jobs.get_run(job_run_id)
        compute = order.compute.title if order.compute else ""
        self.notify(Submitted(job_run_id, job.page_url, compute))
        places = {records.JOB_URL: job.page_url, records.UPLOAD: uploaded.root}
        self.client.tracking.set_tags(record.run_id, places)
        return Started(order, record, uploaded, job_run_id, job.page_url, began)

    def _submit_body(self, body: Mapping[str, object]) -> int:
        try:
            return self.client.jobs.submit(body)
        except WorkspaceError as error:
            error.hint = error.hint or "change the project's cluster.json, or give --cluster FILE"
            raise

    def _watcher(self, started: Started) -> Watcher:
        timeout = started.order.timeout
        return Watcher(
            client=self.client,
            job_run_id=started.job_run_id,
            run_id=started.record.run_id,
            reader=OutputReader(self.client.files, started.output),
            notify=self.notify,
            clock=self.clock,
            deadline=None if timeout is None else started.began + timeout * 60,
        )

    def cancel(self, started: Started) -> None:
        """Cancel a started run, wait until it is over and mark its MLflow run KILLED."""
        try:
            self.notify(Said("interrupted: cancelling the run; again to leave at once"))
            self.client.jobs.cancel(started.job_run_id)
            # Now, since whoever interrupts may not wait for the end; and then, to be sure.
            end_record(self.client.tracking, started.record.run_id, records.KILLED, "interrupted")
            while not self.client.jobs.get_run(started.job_run_id).state.is_over:
                self.clock.sleep(CANCEL_POLL)
        except KeyboardInterrupt:
            self.notify(Said(f"left; the run may go on: {started.job_url}"))
            raise
        end_record(self.client.tracking, started.record.run_id, records.KILLED, "interrupted")
        self.notify(Said("the run is cancelled"))

    def _conclude(self, started: Started, ending: Ending) -> Outcome:
        order, record, tracking = started.order, started.record, self.client.tracking
        output = self._driver_output(ending)
        if ending.part is None and output.logs:
            self.notify(Printed(tuple(output.logs.splitlines())))
        verdict = judge(order, ending, output, uploaded=started.upload.project)
        end_record(tracking, record.run_id, verdict.status, verdict.error)
        tracked = complete_params(tracking, record.run_id, order.values)
        is_success = verdict.status == records.FINISHED
        return replace(
            self.outcome(started, verdict.status),
            metrics=tracked.metrics,
            artifacts=tracking.artifacts(record.run_id),
            model=self._model(order, record.run_id) if is_success else None,
            error=verdict.error,
            trace=verdict.trace,
            is_timed_out=verdict.is_timed_out,
        )

    def _driver_output(self, ending: Ending) -> RunOutput:
        """What the service kept of the run, where the driver file's own files do not tell."""
        is_told = ending.part is not None and (ending.job.state.is_success or ending.part.error)
        if is_told or not ending.job.tasks:
            return RunOutput()
        return self.client.jobs.output(ending.job.tasks[-1].run_id)

    def _model(self, order: Order, run_id: str) -> ModelVersion | None:
        if order.model or not order.model_name:
            return order.model
        return version_of_run(
            self.client.tracking, order.model_name, run_id, registry_uri=order.registry_uri
        )


def _output_folder(order: Order, record: Record) -> WorkspacePath:
    home = WorkspacePath("/Users")
    return join(home, order.origin.user, ".mlops", "runs", record.run_id, "output")
