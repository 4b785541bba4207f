"""Carries out runs: each in a thread that waits for its driver processes, one task at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mlops_core.local_workspace.process import Driver
from mlops_core.local_workspace.replies import ApiError
from mlops_core.local_workspace.run_record import (
    CANCELED,
    RUNNING,
    SERVER_ENDED,
    SUCCESS,
    TIMED_OUT,
    RunRecord,
    RunRecords,
    RunStatus,
)
from mlops_core.local_workspace.task_graph import skipped_status, summary, task_order
from mlops_core.local_workspace.task_launch import Launcher, TaskRefused


@dataclass(slots=True)
class _Active:
    """A run in progress. ``verdict`` is set once somebody has decided to end it early."""

    thread: threading.Thread | None = None
    driver: Driver | None = None
    verdict: RunStatus | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def attach(self, driver: Driver) -> None:
        """Remember the process, and end it if the run was cancelled while it started."""
        with self.lock:
            self.driver = driver
            if self.verdict:
                driver.cancel()

    def stop(self, verdict: RunStatus) -> None:
        """End the run with ``verdict``, unless it is ending already."""
        with self.lock:
            if self.verdict is None:
                self.verdict = verdict
                if self.driver:
                    self.driver.cancel()


class RunEngine:
    """Starts runs, cancels them, and ends them all when the server ends."""

    def __init__(
        self, records: RunRecords, launcher: Launcher, clock: Callable[[], float] = time.time
    ) -> None:
        self.records = records
        self.launcher = launcher
        self._clock = clock
        self._active: dict[int, _Active] = {}
        self._lock = threading.Lock()
        self.on_start: list[Callable[[], None]] = []

    def now(self) -> int:
        """The server's clock in milliseconds."""
        return int(self._clock() * 1000)

    def recover(self) -> None:
        """Mark what was active when an earlier server died; nothing of it is running now."""
        for run in self.records.active():
            self._finish(run, self.records.tasks(run.run_id), SERVER_ENDED)

    def start(self, run: RunRecord, tasks: Sequence[RunRecord]) -> None:
        """Remember the run and begin it."""
        self.records.save(run, *tasks)
        active = _Active()
        active.thread = threading.Thread(
            target=self._carry_out, args=(run, tasks, active), name=f"run-{run.run_id}"
        )
        with self._lock:
            self._active[run.run_id] = active
        active.thread.start()
        for listener in self.on_start:
            listener()

    def cancel(self, run_id: int) -> None:
        """Ask the run to end; returns at once. Nothing happens to a run that is over."""
        self._stop(run_id, CANCELED)

    def shutdown(self) -> None:
        """End every run and wait for the last of its processes."""
        with self._lock:
            active = list(self._active.values())
        for one in active:
            one.stop(SERVER_ENDED)
        for one in active:
            if one.thread:
                one.thread.join()

    def join(self, run_id: int) -> None:
        """Wait until the run is over."""
        with self._lock:
            active = self._active.get(run_id)
        if active and active.thread:
            active.thread.join()

    def _stop(self, run_id: int, verdict: RunStatus) -> None:
        with self._lock:
            active = self._active.get(run_id)
        if active is None:
            return
        with active.lock:  # so that a run which just ended does not become TERMINATING again
            active.stop(verdict)
            run = self.records.find(run_id)
            if run and not run.status.is_over:
                self.records.save(replace(run, status=RunStatus("TERMINATING")))

    def _carry_out(self, run: RunRecord, tasks: Sequence[RunRecord], active: _Active) -> None:
        timer = self._timer(run.timeout, run.run_id)
        ended: dict[str, RunRecord] = {}
        try:
            with active.lock:
                if active.verdict is None:
                    self.records.save(replace(run, status=RUNNING))
            for task in task_order(tasks):
                ended[task.name] = self._carry_out_task(run, task, active, ended)
            with active.lock:
                self._finish(run, list(ended.values()), active.verdict)
        finally:
            if timer:
                timer.cancel()
            with self._lock:
                self._active.pop(run.run_id, None)

    def _carry_out_task(
        self, run: RunRecord, task: RunRecord, active: _Active, ended: dict[str, RunRecord]
    ) -> RunRecord:
        status = active.verdict or skipped_status(task, ended)
        begun = replace(task, started_at=self.now())
        done = replace(begun, status=status) if status else self._drive(run, begun, active)
        done = replace(done, ended_at=self.now())
        self.records.save(done)
        return done

    def _drive(self, run: RunRecord, task: RunRecord, active: _Active) -> RunRecord:
        try:
            driver = self.launcher.start(run, task)
        except TaskRefused as refusal:
            return replace(task, status=refusal.status, error=refusal.status.message)
        except (OSError, ApiError) as error:
            message = f"The driver could not start: {error}"
            failed = RunStatus("INTERNAL_ERROR", "FAILED", message, "DRIVER_ERROR")
            return replace(task, status=failed, error=message)
        self.records.save(replace(task, status=RUNNING))
        active.attach(driver)
        timer = self._timer(task.timeout, run.run_id)
        exit_status = driver.wait()
        if timer:
            timer.cancel()
        done = self.launcher.ended(task, exit_status)
        with active.lock:
            active.driver = None
            verdict = active.verdict
        return replace(done, status=verdict) if verdict and done.status != SUCCESS else done

    def _finish(
        self, run: RunRecord, tasks: Sequence[RunRecord], verdict: RunStatus | None
    ) -> None:
        now = self.now()
        left = [task for task in tasks if not task.status.is_over]
        closed = [replace(task, status=verdict or SERVER_ENDED, ended_at=now) for task in left]
        status = verdict or summary(tasks)
        self.records.save(replace(run, status=status, ended_at=now), *closed)

    def _timer(self, seconds: int, run_id: int) -> threading.Timer | None:
        if not seconds:
            return None
        timer = threading.Timer(seconds, self._stop, (run_id, TIMED_OUT))
        timer.daemon = True
        timer.start()
        return timer
