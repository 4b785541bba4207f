"""Reads `cluster.json`: on what the run shall compute. Unknown keys pass through untouched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_core.errors import ProjectError
from mlops_core.runs.project import describe

FILE_NAME = "cluster.json"
JOB_CLUSTER = "job cluster"
EXISTING_CLUSTER = "existing cluster"
SERVERLESS = "serverless"
_KINDS = "a cluster spec, new_cluster, existing_cluster_id or serverless"


@dataclass(frozen=True, slots=True)
class Compute:
    """On what a run computes.

    ``task`` is what the task says of it, ``libraries`` come on top of the environment file's,
    ``environment`` is the serverless spec, ``title`` tells people and goes into a tag.
    """

    kind: str
    title: str
    task: Mapping[str, object]
    libraries: tuple[object, ...] = ()
    environment: Mapping[str, object] | None = None


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Autoscale(_Open):
    min_workers: int = Field(ge=0)
    max_workers: int = Field(ge=1)


class _ClusterSpec(_Open):
    spark_version: str | None = None
    node_type_id: str | None = None
    instance_pool_id: str | None = None
    policy_id: str | None = None
    num_workers: int | None = Field(default=None, ge=0)
    autoscale: _Autoscale | None = None


class _Serverless(_Open):
    environment_version: str = Field(min_length=1)
    dependencies: list[str] = []


class _Wrapped(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    new_cluster: _ClusterSpec | None = None
    existing_cluster_id: str | None = Field(default=None, min_length=1)
    serverless: _Serverless | None = None
    libraries: list[dict[str, object]] = []


def load_compute(file: Path) -> Compute:
    """Read and check ``file``; raises ProjectError that names it, the key and what is expected."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(
            f"there is no {file}, so it is not known on what to run",
            hint=f"create it with {_KINDS} (docs/runs.md), or give one with --cluster FILE",
        ) from None
    except ValueError as error:
        raise ProjectError(f"{file} is no valid JSON: {error}", hint="mend it there") from None
    return parse_compute(content, str(file))


def parse_compute(content: object, place: str) -> Compute:
    """Check ``content`` as it stands in `cluster.json`; ``place`` names it in errors."""
    if not isinstance(content, dict) or not content:
        raise ProjectError(
            f"{place}: expected {_KINDS}", hint="docs/runs.md has an example of each"
        )
    is_wrapped = content.keys() & {"new_cluster", "existing_cluster_id", "serverless"}
    text = content if is_wrapped else {"new_cluster": content}
    try:
        checked = _Wrapped.model_validate(text)
    except ValidationError as error:
        raise ProjectError(
            f"{place}: {describe(error)}", hint="mend it; see docs/runs.md"
        ) from None
    given = [
        name for name in ("new_cluster", "existing_cluster_id", "serverless") if text.get(name)
    ]
    if len(given) != 1:
        raise ProjectError(
            f"{place}: {' and '.join(given) or 'nothing'} given, expected one of {_KINDS}",
            hint="keep one of them",
        )
    return _compute(checked, place, prefix="new_cluster." if is_wrapped else "")


def _compute(checked: _Wrapped, place: str, prefix: str) -> Compute:
    libraries = tuple(checked.libraries)
    if checked.serverless:
        if libraries:
            raise ProjectError(
                f"{place}: libraries do not go with serverless",
                hint="put them into serverless.dependencies, as pip writes them",
            )
        version = checked.serverless.environment_version
        spec = checked.serverless.model_dump(exclude_none=True)
        title = f"{SERVERLESS} (environment {version})"
        return Compute(SERVERLESS, title, {}, environment=spec)
    if checked.existing_cluster_id:
        cluster = checked.existing_cluster_id
        task = {"existing_cluster_id": cluster}
        return Compute(EXISTING_CLUSTER, f"{EXISTING_CLUSTER} {cluster}", task, libraries)
    assert checked.new_cluster is not None  # noqa: S101 - one of the three was given
    _check_cluster(checked.new_cluster, place, prefix)
    spec = checked.new_cluster.model_dump(exclude_unset=True)
    return Compute(JOB_CLUSTER, _title(checked.new_cluster), {"new_cluster": spec}, libraries)


def _check_cluster(spec: _ClusterSpec, place: str, prefix: str) -> None:
    if spec.policy_id:  # a policy may bring each of them
        return
    missing = []
    if not spec.spark_version:
        missing.append(f"{prefix}spark_version (a runtime, such as 15.4.x-cpu-ml-scala2.12)")
    if not (spec.node_type_id or spec.instance_pool_id):
        missing.append(f"{prefix}node_type_id or {prefix}instance_pool_id")
    if spec.num_workers is None and spec.autoscale is None:
        missing.append(f"{prefix}num_workers or {prefix}autoscale")
    if missing:
        raise ProjectError(f"{place}: missing {'; '.join(missing)}", hint="add it there")


def _title(spec: _ClusterSpec) -> str:
    machine = spec.node_type_id or spec.instance_pool_id or spec.policy_id
    return f"{JOB_CLUSTER} ({machine}, {spec.spark_version or 'runtime of its policy'})"
