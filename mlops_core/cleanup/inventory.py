"""Everything that one identity made in the workspace for one branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlops_core.errors import NotFound
from mlops_core.hooks.deploy import own_uploads
from mlops_core.hooks.job import BRANCH_TAG
from mlops_core.paths import WorkspacePath, join
from mlops_core.runs.record import UPLOAD
from mlops_core.workspace.client import WorkspaceClient
from mlops_core.workspace.model import EXPERIMENT, Experiment, JobInfo, ObjectInfo, TrackedRun

NOTEBOOKS = "notebooks"
EXPERIMENTS = "experiments"
MODEL = "model"
JOB = "job"
UPLOAD_FOLDER = "upload"
_MANY = 10_000
_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can go. ``name`` is its path, its model's name or its job's id."""

    kind: str
    name: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose things are looked for: the credential's identity, and the user of the folders.

    ``registry_uri`` and ``has_model`` (whether each branch has a model of its own) as in the
    settings.
    """

    identity: str
    user: str
    registry_uri: str
    has_model: bool = True


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is there of a branch; ``left`` are things that are not only the owner's, and why."""

    items: tuple[Item, ...]
    left: tuple[Item, ...] = ()


def take_inventory(
    client: WorkspaceClient, owner: Owner, slug: str, *, model_name: str
) -> Inventory:
    """Look for everything of the branch; nothing is changed."""
    jobs = client.jobs.list()
    own = [job for job in jobs if is_own_job(job, owner, slug)]
    shared = join(WorkspacePath("/Shared"), owner.user, slug)
    experiments = [one for one in _walk(client, shared) if one.kind == EXPERIMENT]
    runs = _runs(client, experiments)
    items = [
        *_folder(client, NOTEBOOKS, join(WorkspacePath("/Users"), owner.user, slug)),
        *(Item(JOB, str(job.job_id), job.name) for job in own),
        *_folder(client, EXPERIMENTS, shared, f"{len(experiments)} experiments, {len(runs)} runs"),
        *_run_folders(client, owner, runs),
        *_project_uploads(client, owner, runs, slug),
        *_hook_uploads(jobs, own, owner),
    ]
    left: list[Item] = []
    if model := _model(client, owner, model_name, {run.run_id for run in runs}):
        (left if model.about else items).append(model)
    return Inventory(tuple(items), tuple(left))


def find_slugs(client: WorkspaceClient, owner: Owner) -> frozenset[str]:
    """The branches of which the owner has experiments or jobs."""
    found = {each.name.split("/")[3] for each in _experiments(client, owner)}
    for job in client.jobs.list():
        if job.creator == owner.identity and (slug := _tags(job).get(BRANCH_TAG)):
            found.add(str(slug))
    return frozenset(found)


def is_own_job(job: JobInfo, owner: Owner, slug: str) -> bool:
    """Whether a hook of ours made the job for this branch."""
    return job.creator == owner.identity and _tags(job).get(BRANCH_TAG) == slug


def _experiments(client: WorkspaceClient, owner: Owner) -> list[Experiment]:
    """Those of the owner's branches, `/Shared/{user}/{slug}/…`."""
    shared = f"{join(WorkspacePath('/Shared'), owner.user)}/"
    found = client.tracking.search_experiments(f"{shared}%")
    # `_` in a user's name stands for any character there.
    return [e for e in found if e.name.startswith(shared) and e.name.count("/") > _DEPTH]


def _tags(job: JobInfo) -> Mapping[str, object]:
    tags = job.settings.get("tags")
    return tags if isinstance(tags, Mapping) else {}


def _walk(client: WorkspaceClient, path: WorkspacePath) -> tuple[ObjectInfo, ...]:
    try:
        return client.files.walk(path)
    except NotFound:
        return ()


def _folder(
    client: WorkspaceClient, kind: str, path: WorkspacePath, about: str = ""
) -> Iterator[Item]:
    try:
        client.files.stat(path)
    except NotFound:
        return
    yield Item(kind, path, about)


def _runs(client: WorkspaceClient, experiments: list[ObjectInfo]) -> tuple[TrackedRun, ...]:
    found = (client.tracking.find_experiment(one.path) for one in experiments)
    ids = [one.experiment_id for one in found if one]
    return client.tracking.search_runs(ids, limit=_MANY) if ids else ()


def _run_folders(
    client: WorkspaceClient, owner: Owner, runs: tuple[TrackedRun, ...]
) -> Iterator[Item]:
    folder = join(WorkspacePath("/Users"), owner.user, ".mlops", "runs")
    try:
        there = {one.path for one in client.files.list(folder)}
    except NotFound:
        return
    for run in runs:
        if (path := join(folder, run.run_id)) in there:
            yield Item(UPLOAD_FOLDER, path, "output of a run")


def _project_uploads(
    client: WorkspaceClient, owner: Owner, runs: tuple[TrackedRun, ...], slug: str
) -> Iterator[Item]:
    """Uploaded projects that no other branch of the owner has run, since they are shared."""
    used = {run.tags[UPLOAD] for run in runs if UPLOAD in run.tags}
    every = _experiments(client, owner)
    others = [each.experiment_id for each in every if each.name.split("/")[3] != slug]
    home = join(WorkspacePath("/Users"), owner.user, ".mlops")
    for path in sorted(used):
        filter = f"tags.`{UPLOAD}` = '{path}'"
        if path.startswith(f"{home}/") and not (
            others and client.tracking.search_runs(others, filter=filter, limit=1)
        ):
            yield from _folder(client, UPLOAD_FOLDER, WorkspacePath(path), "a project")


def _hook_uploads(jobs: tuple[JobInfo, ...], own: list[JobInfo], owner: Owner) -> Iterator[Item]:
    home = join(WorkspacePath("/Users"), owner.identity)
    for place in own_uploads(jobs, own, home):
        yield Item(UPLOAD_FOLDER, place, "a job's code")


def _model(client: WorkspaceClient, owner: Owner, name: str, run_ids: set[str]) -> Item | None:
    """The branch's model; with a reason if it is not only the owner's."""
    if not owner.has_model:
        return None
    is_unity = owner.registry_uri.startswith("databricks-uc")
    versions = client.tracking.model_versions(name, is_unity=is_unity)
    if not versions:
        return None
    others = sum(version.run_id not in run_ids for version in versions)
    reason = f"{others} of its {len(versions)} versions are of somebody else's runs"
    return Item(MODEL, name, reason if others else "")
