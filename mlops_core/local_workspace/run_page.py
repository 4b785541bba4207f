"""The page that a run's URL leads to: its state and what its tasks printed."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from mlops_core.local_workspace.run_engine import RunEngine
from mlops_core.local_workspace.run_record import RunRecord

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>{refresh}
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em }}
pre {{ background: #f4f4f4; overflow: auto; padding: 1em }}
</style></head>
<body><h1>{title}</h1><p>{state}</p>{tasks}</body>
</html>
"""


def run_page_router(engine: RunEngine) -> APIRouter:
    """`/jobs/{job}/runs/{run}`; it reloads itself while the run goes on."""
    router = APIRouter()

    @router.get("/jobs/{job_id}/runs/{run_id}")
    async def page(job_id: int, run_id: int) -> Response:
        run = engine.records.find(run_id)
        if run is None:
            return HTMLResponse(f"<p>Run {run_id} does not exist.</p>", status_code=404)
        return HTMLResponse(render_page(engine, run))

    return router


def render_page(engine: RunEngine, run: RunRecord) -> str:
    """The whole page of a run or of one task."""
    tasks = [run] if run.parent_id else engine.records.tasks(run.run_id)
    return _PAGE.format(
        title=f"Run {run.run_id}: {escape(run.name)}",
        refresh="" if run.status.is_over else '<meta http-equiv="refresh" content="2">',
        state=_state(run),
        tasks="".join(_task(engine, task) for task in tasks),
    )


def _task(engine: RunEngine, task: RunRecord) -> str:
    logs, is_truncated = engine.launcher.logs(task)
    shown = ("(the beginning is left out)\n" if is_truncated else "") + logs
    parts = [f"<h2>{escape(task.name)}</h2><p>{_state(task)}</p>"]
    parts += [f"<pre>{escape(text)}</pre>" for text in (task.result, shown or None) if text]
    if task.error and task.error not in logs:
        parts.append(f"<pre>{escape(task.error)}</pre>")
    return "".join(parts)


def _state(record: RunRecord) -> str:
    status = record.status
    words = [status.life_cycle, status.result or "", status.message]
    return escape(" · ".join(word for word in words if word))
