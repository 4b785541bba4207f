"""The report on a branch's pipelines, as Markdown and as test results. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from xml.sax.saxutils import escape, quoteattr

from mlops_core.runs.findings import Finding, Look
from mlops_core.runs.lines import render_number, render_seconds
from mlops_core.runs.record import JOB_URL, REASON
from mlops_core.workspace.model import TrackedRun

_HIGHER = {"accuracy", "precision", "recall", "f1", "auc", "score", "r2"}
_LOWER = {"loss", "error", "rmse", "mae", "mse", "mape", "deviance", "time", "seconds"}


@dataclass(frozen=True, slots=True)
class Site:
    """The workspace's address and a run's page in it."""

    host: str

    def run_url(self, run: TrackedRun) -> str:
        """Where the browser shows a run."""
        return f"{self.host}/ml/experiments/{run.experiment_id}/runs/{run.run_id}"


def render_markdown(look: Look, findings: Sequence[Finding], site: Site) -> str:
    """The report as people read it in a build's summary."""
    lines = [f"# Pipelines of `{look.branch}`", ""]
    if look.commit:
        lines += [f"Commit `{look.commit[:10]}`, run by {look.user}.", ""]
    for finding in findings:
        lines += [*_section(look, finding, site), ""]
    return "\n".join(lines)


def render_junit(findings: Sequence[Finding]) -> str:
    """The same as JUnit's XML: one test case for each pipeline."""
    failures = sum(not finding.is_success for finding in findings)
    head = f'<testsuite name="mlops" tests="{len(findings)}" failures="{failures}">'
    cases = [line for finding in findings for line in _case(finding)]
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', head, *cases, "</testsuite>", ""])


def judge(metric: str, difference: float) -> str:
    """Whether a difference from master is better or worse, by the metric's name."""
    if difference == 0:
        return "same"
    words = set(metric.lower().replace("-", "_").split("_")) | {metric.lower()}
    if words & _LOWER:  # first: a `log_loss_score` is a loss
        return "better" if difference < 0 else "worse"
    if words & _HIGHER:
        return "better" if difference > 0 else "worse"
    return "changed"


def _section(look: Look, finding: Finding, site: Site) -> Iterator[str]:
    title = finding.kind.capitalize()
    run = finding.run
    if run is None:
        yield f"## {title}: did not run"
        yield ""
        yield f"There is no {finding.kind} run of this commit."
        return
    yield f"## {title}: {run.status.lower()}"
    yield ""
    yield f"- run [{run.name or run.run_id}]({site.run_url(run)}){_duration(run)}"
    if job := run.tags.get(JOB_URL):
        yield f"- job [{job}]({job})"
    if finding.model:
        yield f"- model `{finding.model.name}` version {finding.model.version}"
    if reason := run.tags.get(REASON):
        yield f"- reason: {_cell(reason)}"
    yield ""
    yield from _comparison(look, finding, run, site)
    if finding.tail:
        fence = "~" * max(3, 1 + max(_run_of_tildes(line) for line in finding.tail))
        yield from ("", "The end of its output:", "", fence, *finding.tail, fence)


def _comparison(look: Look, finding: Finding, run: TrackedRun, site: Site) -> Iterator[str]:
    master = finding.master
    if master is None:
        yield f"No run of {look.master} has finished yet, so there is nothing to compare with."
        yield from _plain_metrics(run)
        return
    when = datetime.fromtimestamp((master.started_at or 0) / 1000, timezone.utc)
    commit = master.tags.get("mlops.commit", "")[:10] or "no commit"
    link = f"[{look.master}'s newest run]({site.run_url(master)})"
    yield f"Compared with {link} ({when:%Y-%m-%d %H:%M} UTC, {commit}):"
    names = sorted(run.metrics.keys() | master.metrics.keys())
    if names:
        yield ""
        yield f"| metric | {_cell(look.branch)} | {look.master} | difference | |"
        yield "|---|---:|---:|---:|---|"
        yield from (_row(name, run.metrics.get(name), master.metrics.get(name)) for name in names)


def _plain_metrics(run: TrackedRun) -> Iterator[str]:
    if run.metrics:
        yield from ("", "| metric | value |", "|---|---:|")
        for name in sorted(run.metrics):
            yield f"| {_cell(name)} | {render_number(run.metrics[name])} |"


def _row(name: str, ours: float | None, theirs: float | None) -> str:
    shown = [render_number(value) if value is not None else "" for value in (ours, theirs)]
    if ours is None or theirs is None:
        verdict = "new" if theirs is None else "gone"
        return f"| {_cell(name)} | {shown[0]} | {shown[1]} | | {verdict} |"
    difference = ours - theirs
    sign = "+" if difference > 0 else ""
    told = f"{sign}{render_number(difference)}"
    return f"| {_cell(name)} | {shown[0]} | {shown[1]} | {told} | {judge(name, difference)} |"


def _case(finding: Finding) -> Iterator[str]:
    run = finding.run
    seconds = _seconds(run) if run else 0.0
    name = f'<testcase classname="mlops" name="{finding.kind}" time="{seconds:.3f}"'
    if finding.is_success:
        yield f"{name}/>"
        return
    status = f"the run is {run.status}" if run else "there is no run of this commit"
    message = run.tags.get(REASON, status) if run else status
    yield f"{name}><failure message={quoteattr(_printable(message))}>"
    yield escape(_printable("\n".join(finding.tail)))
    yield "</failure></testcase>"


def _duration(run: TrackedRun) -> str:
    return f", {render_seconds(_seconds(run))}" if run.ended_at else ""


def _seconds(run: TrackedRun) -> float:
    return ((run.ended_at or 0) - (run.started_at or 0)) / 1000 if run.ended_at else 0.0


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _printable(text: str) -> str:
    """Without the characters that no XML may hold."""
    return "".join(char for char in text if char in "\t\n\r" or ord(char) >= 32)


def _run_of_tildes(line: str) -> int:
    return len(line) - len(line.lstrip("~"))
