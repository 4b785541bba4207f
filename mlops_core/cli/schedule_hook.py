"""Schedules a hook from a checkout: options, what will be, and the steps there."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice

from mlops_core.checkout import open_checkout
from mlops_core.cli.console import Console
from mlops_core.errors import DONE, ProjectError, RunFailed, SettingsError, UsageError
from mlops_core.hooks import deploy
from mlops_core.hooks.job import Hook, Timing, plan_job
from mlops_core.hooks.launch import parse_cluster
from mlops_core.hooks.run_now import follow_run
from mlops_core.hooks.upload import HookBundle, bundle_hook, upload_hook
from mlops_core.hooks.wheel import wheel_sources
from mlops_core.naming import experiment_path, model_name
from mlops_core.paths import WorkspacePath, join
from mlops_core.quartz.schedule import next_times, parse_quartz
from mlops_core.quartz.words import describe
from mlops_core.quartz.zone import find_zone
from mlops_core.runs.compute import FILE_NAME, load_compute
from mlops_core.runs.project import load_project
from mlops_core.session import Session, open_session
from mlops_core.settings import Settings, load_settings, require_registry
from mlops_core.workspace.model import JobInfo

_PROJECTS = "projects"
_HOOKS = "mlflow_hooks"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which hook, and what its widgets hold in the checkout."""

    kind: str
    notebook: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Target:
    """A hook, and its job in the session's workspace if there is one."""

    session: Session
    hook: Hook
    found: JobInfo | None

    @property
    def home(self) -> WorkspacePath:
        """The folder of whoever the job belongs to."""
        return join(WorkspacePath("/Users"), self.session.owner)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what both hooks take."""
    parser.add_argument(
        "--cron",
        metavar="QUARTZ",
        help='when it runs, such as "0 0 3 * * ?": seconds first; without it the job keeps its own',
    )
    parser.add_argument(
        "--timezone", metavar="ZONE", help="whose clock, such as Europe/Berlin (default: UTC)"
    )
    parser.add_argument("--pause", action="store_true", help="save the schedule, but paused")
    parser.add_argument(
        "--run-now", action="store_true", help="then run the job once, and wait for it"
    )
    parser.add_argument("--remove", action="store_true", help="delete the job and what it ran")
    parser.add_argument(
        "--if-scheduled", action="store_true", help="renew the job if there is one, else do nothing"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be done, and change nothing"
    )


def execute(wish: Wish, options: argparse.Namespace, console: Console) -> int:
    """Bring the hook's job to what ``options`` ask for."""
    timing = _read_timing(options)
    settings = load_settings()
    if not settings.is_databricks:
        raise SettingsError(
            f"MLFLOW_TRACKING_URI is {settings.tracking_uri}: a schedule needs a workspace",
            hint="set MLFLOW_TRACKING_URI=databricks, or leave it out",
        )
    with open_session(settings, console.progress) as session:
        console.progress(session.banner)
        hook = _read_hook(wish, session)
        found = deploy.find_job(session.client.jobs, hook)
        target = _Target(session, hook, found)
        if options.remove:
            return _remove(target, options, console)
        if found is None and timing is None:
            return _unscheduled(hook, options, console)
        require_registry(settings)
        schedule = timing.settings() if timing else _own_schedule(found, options)
        return _deploy(target, schedule, options=options, console=console)


def _read_timing(options: argparse.Namespace) -> Timing | None:
    """The schedule that was asked for, checked before anything is sent; None without one."""
    if not options.cron:
        if options.timezone:
            raise UsageError("--timezone goes with --cron", hint='add --cron "0 0 3 * * ?"')
        return None
    if options.remove:
        raise UsageError("--cron and --remove contradict each other", hint="give one of them")
    schedule = parse_quartz(options.cron)
    zone = find_zone(options.timezone or "UTC")
    if not any(next_times(schedule, datetime.now(zone))):
        raise UsageError(f"{options.cron!r} never comes again", hint="look at its day and year")
    return Timing(schedule.text, zone.key, is_paused=options.pause)


def _read_hook(wish: Wish, session: Session) -> Hook:
    settings, branch = session.settings, session.branch
    project = wish.parameters["project"]
    folder = settings.project_folder / project
    if not project.startswith(f"{_PROJECTS}/"):
        raise ProjectError(
            f"{project} is not below {_PROJECTS}/, so it would not be uploaded",
            hint=f"move it there, and set project in {_HOOKS}/{wish.notebook}.py",
        )
    load_project(folder)
    cluster = wish.parameters.get("cluster", "")
    own = experiment_path(session.user, branch, wish.kind)
    name = model_name(branch, settings.model_schema or "", settings.model_name or "")
    commit = session.commit()
    parameters = {
        **wish.parameters,
        "model_name": wish.parameters.get("model_name") or name,
        "experiment": wish.parameters.get("experiment") or own,
        "branch": branch,
        "user": session.user,
        "commit": commit.sha if commit and not commit.is_dirty else "",
    }
    compute = parse_cluster(cluster) or load_compute(folder / FILE_NAME)
    return Hook(wish.kind, wish.notebook, branch, parameters, compute)


def _own_schedule(found: JobInfo | None, options: argparse.Namespace) -> Mapping[str, object]:
    """The schedule that the job has; `--pause` still counts."""
    schedule = found.settings.get("schedule") if found else None
    if not isinstance(schedule, Mapping):
        raise UsageError("the job has no schedule", hint='give one: --cron "0 0 3 * * ?"')
    return {**schedule, "pause_status": "PAUSED"} if options.pause else schedule


def _unscheduled(hook: Hook, options: argparse.Namespace, console: Console) -> int:
    if options.if_scheduled:
        console.result(f"nothing to do: there is no job {hook.job_name}")
        return DONE
    raise UsageError(
        f"there is no job {hook.job_name} yet, so --cron must say when it runs",
        hint=f'python {_HOOKS}/{hook.notebook}.py --cron "0 0 3 * * ?" --timezone UTC',
    )


def _deploy(
    target: _Target,
    schedule: Mapping[str, object],
    *,
    options: argparse.Namespace,
    console: Console,
) -> int:
    session, hook = target.session, target.hook
    for line in _say(schedule, is_local=session.settings.is_local_workspace):
        console.result(line)
    bundle = _read_bundle(hook, session.settings)
    place = bundle.place(target.home)
    if options.dry_run:
        # The wheel's name is known once it is built; what differs shows without it.
        wanted = plan_job(hook, place, wheel=join(place, "wheel"), schedule=schedule)
        action = deploy.plan_action(_without_wheel(wanted), target.found)
        console.result(f"job {hook.job_name} would be {action}")
        return DONE
    wheel = upload_hook(session.client.files, bundle, target.home)
    wanted = plan_job(hook, place, wheel=wheel, schedule=schedule)
    saved = deploy.save_job(session.client.jobs, hook, wanted=wanted, found=target.found)
    console.result(f"code in {place}")
    url = f"{session.client.host}/jobs/{saved.job_id}"
    console.result(f"job {hook.job_name} {saved.action}: {url}")
    return _run_now(session, saved.job_id, console) if options.run_now else DONE


def _remove(target: _Target, options: argparse.Namespace, console: Console) -> int:
    name, found, client = target.hook.job_name, target.found, target.session.client
    if found is None:
        console.result(f"nothing to do: there is no job {name}")
    elif options.dry_run:
        console.result(f"job {name} would be removed: {found.job_id}")
    else:
        uploads = deploy.own_uploads(client.jobs.list(), [found], target.home)
        client.jobs.delete(found.job_id)
        for place in uploads:
            client.files.delete(place, recursive=True)
        console.result(f"job {name} removed: {found.job_id}")
    return DONE


def _read_bundle(hook: Hook, settings: Settings) -> HookBundle:
    notebook = settings.project_folder / _HOOKS / f"{hook.notebook}.py"
    if not notebook.is_file():
        raise ProjectError(
            f"there is no {notebook}, which the job would run",
            hint="set PROJECT_FOLDER to the checkout's root",
        )
    projects = settings.project_folder / _PROJECTS
    files = open_checkout(projects).files().paths
    return bundle_hook(
        notebook,
        {f"{_PROJECTS}/{path}": projects / path for path in files},
        wheel_sources(),
    )


def _run_now(session: Session, job_id: int, console: Console) -> int:
    jobs = session.client.jobs
    run_id = jobs.run_now(job_id, token=uuid.uuid4().hex)
    ending = follow_run(jobs, run_id, console.progress)
    console.result(f"run {run_id} {ending.state}: {ending.page_url}")
    if not ending.is_success:
        raise RunFailed(ending.error, hint=f"look at the run: {ending.page_url}")
    return DONE


def _say(schedule: Mapping[str, object], *, is_local: bool) -> list[str]:
    cron, zone = str(schedule["quartz_cron_expression"]), str(schedule["timezone_id"])
    paused = " (paused)" if schedule.get("pause_status") == "PAUSED" else ""
    try:
        understood = parse_quartz(cron)
        now = datetime.now(timezone.utc).astimezone(find_zone(zone))
    except UsageError:  # made elsewhere, say with a zone that only Java knows
        return [f"schedule {cron} {zone}{paused}, kept as it is"]
    lines = [f"schedule {cron} {zone}: {describe(understood)}{paused}"]
    times = islice(next_times(understood, now), 3)
    lines += [f"next run {time:%a %Y-%m-%d %H:%M:%S %Z}{paused}" for time in times]
    if is_local:
        lines += ["it fires while this runs: python -m mlops_core.local_workspace"]
    return lines


def _without_wheel(wanted: Mapping[str, object]) -> dict[str, object]:
    tasks = wanted["tasks"]
    assert isinstance(tasks, list)  # noqa: S101 - plan_job made it
    bare = [{key: value for key, value in task.items() if key != "libraries"} for task in tasks]
    return {**{k: v for k, v in wanted.items() if k != "environments"}, "tasks": bare}
