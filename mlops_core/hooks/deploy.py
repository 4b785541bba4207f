"""Creates, updates and removes the saved job of a hook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlops_core.errors import MlopsError, Unavailable
from mlops_core.hooks.job import BRANCH_TAG, Hook, is_as_wanted, merge_settings
from mlops_core.hooks.upload import FOLDER
from mlops_core.paths import WorkspacePath, join, parent, workspace_path
from mlops_core.workspace.jobs import Jobs
from mlops_core.workspace.model import JobInfo

CREATED = "created"
UPDATED = "updated"
UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Saved:
    """A hook's job after it was saved, and what that took: created, updated or unchanged."""

    job_id: int
    action: str


def find_job(jobs: Jobs, hook: Hook) -> JobInfo | None:
    """The hook's job with its tasks, None if there is none yet.

    Raises MlopsError where it cannot be told which job is meant, or that it is ours.
    """
    found = jobs.find(hook.job_name)
    if len(found) > 1:
        listed = ", ".join(f"{job.job_id} of {job.creator or 'nobody'}" for job in found)
        raise MlopsError(
            f"{len(found)} jobs are called {hook.job_name}: {listed}",
            hint="delete or rename all but one of them in the workspace",
        )
    if not found:
        return None
    job = jobs.get(found[0].job_id)
    tags = job.settings.get("tags")
    if not isinstance(tags, Mapping) or tags.get(BRANCH_TAG) != hook.tags[BRANCH_TAG]:
        raise MlopsError(
            f"job {job.job_id} is called {hook.job_name}, but it has no tag"
            f" {BRANCH_TAG}={hook.tags[BRANCH_TAG]}, so it is somebody else's",
            hint=f"rename job {job.job_id} in the workspace, or give it that tag if it is yours",
        )
    return job


def plan_action(wanted: Mapping[str, object], found: JobInfo | None) -> str:
    """What it takes to have the job as ``wanted``. Pure."""
    if found is None:
        return CREATED
    return UNCHANGED if is_as_wanted(wanted, found.settings) else UPDATED


def save_job(
    jobs: Jobs, hook: Hook, *, wanted: Mapping[str, object], found: JobInfo | None
) -> Saved:
    """Bring the job to ``wanted``; its `run_as` and permissions stay as they are."""
    action = plan_action(wanted, found)
    if found is None:
        return Saved(_create_once(jobs, hook, wanted), action)
    if action == UPDATED:
        jobs.reset(found.job_id, merge_settings(wanted, found.settings))
    return Saved(found.job_id, action)


def own_uploads(
    jobs: Sequence[JobInfo], own: Sequence[JobInfo], home: WorkspacePath
) -> tuple[WorkspacePath, ...]:
    """The uploads that the jobs ``own`` run and no other of ``jobs``; only those below ``home``."""
    kept = {path for job in jobs if job not in own for path in _notebooks(job)}
    gone = {path for job in own for path in _notebooks(job)} - kept
    places = {parent(workspace_path(path)) for path in gone}
    return tuple(sorted(place for place in places if parent(place) == join(home, FOLDER)))


def _notebooks(job: JobInfo) -> Iterator[str]:
    tasks = job.settings.get("tasks")
    for task in tasks if isinstance(tasks, list) else []:
        notebook = task.get("notebook_task") if isinstance(task, Mapping) else None
        if isinstance(notebook, Mapping):
            yield str(notebook.get("notebook_path", ""))


def _create_once(jobs: Jobs, hook: Hook, wanted: Mapping[str, object]) -> int:
    try:
        return jobs.create(wanted)
    except Unavailable:
        # The service may have done it although its answer was lost; names may repeat, so look.
        made = find_job(jobs, hook)
        if made is None:
            raise
        return made.job_id
