"""Which paths belong to MLflow's server, and for whom. Pure."""

from __future__ import annotations

import re
from enum import Enum

_TRACKING = (
    "artifacts", "datasets", "experiments", "get-online-trace-details", "logged-models", "metrics",
    "model-versions", "registered-models", "runs", "traces", "unified-traces",
)  # fmt: skip
_FOR_ALL = re.compile(rf"/api/[23]\.0/mlflow/({'|'.join(_TRACKING)})(/|$)")
_FOR_BROWSERS = re.compile(
    rf"/ajax-api/[23]\.0/mlflow/({'|'.join(_TRACKING)}|server-info|get-trace-artifact"
    r"|upload-artifact|ui-telemetry)(/|$)"
    r"|/static-files/|/(get-artifact|model-versions/get-artifact|graphql|version|favicon\.ico)?$"
)
_OF_MLFLOW = re.compile(r"/(ajax-)?api/\d\.\d/(preview/)?mlflow|/ml/|/graphql$")
_EXPERIMENT = re.compile(r"/experiments/\d+")
_PAGE = re.compile(r"/ml(/(?:experiments|models)(?:/.*)?)$")


class Fate(Enum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105 - no password
    REFUSE = "refuse"
    NOT_OURS = "not ours"


def fate_of(path: str, *, is_browser: bool) -> Fate:
    """Tracking, registry and artifacts pass; what only the web UI needs passes for browsers.

    Databricks has no `/get-artifact`, so a client with a token must not find it here either.
    """
    if _FOR_ALL.match(path) or (is_browser and _FOR_BROWSERS.match(path)):
        return Fate.PASS
    if _OF_MLFLOW.match(path) or _FOR_BROWSERS.match(path):
        return Fate.REFUSE
    return Fate.NOT_OURS


def page_of(path: str) -> str | None:
    """Where the UI shows what Databricks shows at ``path`` (`/ml/experiments/1/runs/2`)."""
    found = _PAGE.match(path)
    if not found:
        return None
    page = found[1].rstrip("/")
    if _EXPERIMENT.fullmatch(page):
        page += "/runs"  # the UI would begin with language models' traces otherwise
    return f"/#{page}?workflowType=machine_learning"
