"""What became of a branch's pipelines, and what master's last one did, out of MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_core.naming import slug
from mlops_core.paths import WorkspacePath, join
from mlops_core.registry import version_of_run
from mlops_core.runs.output import OutputReader
from mlops_core.runs.record import FAILED, FINISHED
from mlops_core.workspace.client import WorkspaceClient
from mlops_core.workspace.model import ModelVersion, TrackedRun

_NEWEST_FIRST = ("attributes.start_time DESC",)
_TAIL = 40


@dataclass(frozen=True, slots=True)
class Look:
    """Whose runs are looked at: a branch's, of one commit if that is known, and master's."""

    user: str
    branch: str
    commit: str = ""
    master: str = "master"
    registry_uri: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One pipeline: its run on the branch, and the newest finished one of master.

    ``run`` is None if there is none of this commit; ``tail`` is the end of its output, only if
    it failed.
    """

    kind: str
    run: TrackedRun | None
    master: TrackedRun | None
    model: ModelVersion | None = None
    tail: tuple[str, ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether the branch's run finished."""
        return self.run is not None and self.run.status == FINISHED


def find_pipeline(client: WorkspaceClient, look: Look, kind: str, *, model_name: str) -> Finding:
    """The newest run of the branch, and what to compare it with."""
    run = _newest(client, _experiments(client, look.branch, kind, user=look.user), _own(look))
    master = _newest(client, _experiments(client, look.master, kind), _finished(look), run)
    if run is None:
        return Finding(kind, None, master)
    tracking, registry_uri = client.tracking, look.registry_uri
    model = version_of_run(tracking, model_name, run.run_id, registry_uri=registry_uri)
    tail = _tail(client, look.user, run) if run.status == FAILED else ()
    return Finding(kind, run, master, model, tail)


def _experiments(
    client: WorkspaceClient, branch: str, kind: str, *, user: str = ""
) -> tuple[str, ...]:
    """The branch's experiments; anybody's without ``user``, since a hook may be another's."""
    found = client.tracking.search_experiments(f"/Shared/{user or '%'}/{slug(branch)}/{kind}")
    # `_` in a name stands for any character there, and `%` for a slash, too.
    wanted = [slug(branch), kind]
    return tuple(
        each.experiment_id
        for each in found
        if (parts := each.name.split("/")[2:])[1:] == wanted and parts[0] == (user or parts[0])
    )


def _own(look: Look) -> str:
    of_commit = f" and tags.`mlops.commit` = '{look.commit}'" if look.commit else ""
    return f"tags.`mlops.branch` = '{_quoted(look.branch)}'{of_commit}"


def _finished(look: Look) -> str:
    return f"attributes.status = 'FINISHED' and tags.`mlops.branch` = '{_quoted(look.master)}'"


def _newest(
    client: WorkspaceClient,
    experiment_ids: Sequence[str],
    filter: str,
    other_than: TrackedRun | None = None,
) -> TrackedRun | None:
    if not experiment_ids:
        return None
    found = client.tracking.search_runs(
        experiment_ids, filter=filter, order_by=_NEWEST_FIRST, limit=2
    )
    return next((run for run in found if not other_than or run.run_id != other_than.run_id), None)


def _tail(client: WorkspaceClient, user: str, run: TrackedRun) -> tuple[str, ...]:
    folder = join(WorkspacePath("/Users"), user, ".mlops", "runs", run.run_id, "output")
    parts = OutputReader(client.files, folder).new_parts()
    text = "".join(part.text + part.trace for part in parts)
    return tuple(text.splitlines()[-_TAIL:])


def _quoted(text: str) -> str:
    return text.replace("'", "''")
