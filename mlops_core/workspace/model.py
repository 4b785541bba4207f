"""Our words for what the workspace sends: frozen values, decoded in this package only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops_core.paths import WorkspacePath

NOTEBOOK = "NOTEBOOK"
FILE = "FILE"
DIRECTORY = "DIRECTORY"
REPO = "REPO"
EXPERIMENT = "MLFLOW_EXPERIMENT"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of the workspace tree.

    ``kind`` is the service's object type as sent (types that we do not know included),
    ``language`` and ``flavour`` (`SOURCE` or `JUPYTER`, only when asked for) are set for
    notebooks, ``created_at`` and ``modified_at`` are the server's clock in milliseconds, ``size``
    is in bytes.
    """

    path: WorkspacePath
    kind: str
    object_id: int = 0
    language: str | None = None
    flavour: str | None = None
    modified_at: int | None = None
    size: int | None = None
    created_at: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to an import: the new object's id if it was sent, and the server's clock then.

    ``served_at`` is the answer's `Date` in milliseconds (whole seconds), None without one.
    """

    object_id: int | None
    served_at: int | None


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a job run stands, in the service's words; ``result`` is None until it has one."""

    life_cycle: str
    result: str | None = None
    message: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen (databricks_api 7: three states are terminal)."""
        return self.life_cycle in {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}

    @property
    def is_success(self) -> bool:
        """Whether the run did its work: nothing but SUCCESS counts, whatever states are added."""
        return self.is_over and self.result == "SUCCESS"


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task of a job run; ``run_id`` is what `get-output` wants."""

    run_id: int
    task_key: str
    state: RunState


@dataclass(frozen=True, slots=True)
class JobRun:
    """One job run with its tasks; ``page_url`` leads to it in the browser."""

    run_id: int
    state: RunState
    page_url: str
    tasks: tuple[TaskRun, ...] = ()


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a task left behind: the end of its output, or the error that ended it."""

    logs: str = ""
    is_truncated: bool = False
    error: str = ""
    error_trace: str = ""
    notebook_result: str = ""


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A saved job: its id, its name, its owner and its settings as the service sends them."""

    job_id: int
    name: str
    creator: str
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Experiment:
    """An MLflow experiment; its name is a workspace path.

    ``is_restored`` says that it was deleted and that we have just brought it back.
    """

    experiment_id: str
    name: str
    is_deleted: bool = False
    is_restored: bool = False


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """An MLflow run: latest value of each metric, parameters, tags; times in milliseconds."""

    run_id: str
    experiment_id: str
    status: str
    name: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One logged value of a metric; ``logged_at`` is in milliseconds."""

    value: float
    logged_at: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered model's version; ``run_id`` is the MLflow run that made it, if any."""

    name: str
    version: int
    run_id: str = ""
    status: str = ""
    source: str = ""
