"""The hooks: scheduled from a checkout, run by the workspace, on what their owner uploaded."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.jobs import BaseJob, JobSettings, NotebookTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat

ROOT = Path(__file__).resolve().parents[2]
TRAINING = "mlflow_hooks/mlflow_training_hook.py"
SCORING = "mlflow_hooks/mlflow_scoring_hook.py"
NIGHTLY = ("--cron", "0 0 3 * * ?", "--timezone", "Europe/Berlin")
OFTEN = ("--cron", "0/10 * * * * ?")


@pytest.fixture
def hooked(checkout: Any, sdk: WorkspaceClient) -> Iterator[Any]:
    """A checkout with hooks and projects, on a branch of its own; its jobs go at the end."""
    for folder in ("projects", "mlflow_hooks"):
        shutil.copytree(
            ROOT / folder, checkout.folder / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    checkout.commit()
    yield checkout
    for job in jobs(sdk, checkout):
        sdk.jobs.delete(job.job_id)


def jobs(sdk: WorkspaceClient, checkout: Any) -> list[BaseJob]:
    """The jobs of the checkout's branch, the training's first, whole."""
    slug = slug_of(checkout)
    listed = [job for job in sdk.jobs.list() if slug in (job.settings.name or "")]
    return sorted((sdk.jobs.get(job.job_id) for job in listed), key=lambda job: -len(name(job)))


def name(job: BaseJob) -> str:
    assert job.settings and job.settings.name
    return job.settings.name


def slug_of(checkout: Any) -> str:
    return checkout.git("branch", "--show-current").strip().replace("/", "-")


def until(answer: Callable[[], Any], seconds: float = 90) -> Any:
    """What ``answer`` gives once it is true; asked anew every now and then."""
    deadline = time.monotonic() + seconds
    while not (found := answer()):
        assert time.monotonic() < deadline, "it did not happen"
        Event().wait(0.3)
    return found


def task(job: BaseJob) -> Any:
    (only,) = job.settings.tasks
    return only


def test_a_hook_becomes_a_job_and_a_second_time_changes_nothing(
    hooked: Any, sdk: WorkspaceClient
) -> None:
    done = hooked.run(TRAINING, *NIGHTLY)
    assert done.code == 0, done.err
    assert "schedule 0 0 3 * * ? Europe/Berlin: at 03:00:00 every day" in done.out
    assert done.out.count("next run ") == 3
    (job,) = jobs(sdk, hooked)
    assert name(job).startswith(f"mlflow_training_hook-{slug_of(hooked)}")
    schedule = job.settings.schedule
    assert (schedule.quartz_cron_expression, schedule.timezone_id) == ("0 0 3 * * ?", NIGHTLY[3])
    assert schedule.pause_status.value == "UNPAUSED"
    assert job.settings.tags["mlops_project"] == "ExampleTrainingProject"
    assert job.settings.tags["mlops_branch"].startswith(slug_of(hooked))
    given = task(job).notebook_task.base_parameters
    assert given["branch"] == hooked.git("branch", "--show-current").strip()
    assert given["user"] == "you@local"
    assert given["commit"] == hooked.git("rev-parse", "HEAD").strip()
    assert (
        given["experiment"].startswith("/Shared/you@local/") and "training" in given["experiment"]
    )
    assert given["model_name"].endswith("_model")
    place = task(job).notebook_task.notebook_path
    assert place.startswith("/Users/you@local/.mlops/hooks/")
    assert sdk.workspace.get_status(place).object_type.value == "NOTEBOOK"
    assert sdk.workspace.get_status(task(job).libraries[0].whl).object_type.value == "FILE"
    again = hooked.run(TRAINING, *NIGHTLY)
    assert "unchanged" in again.out.splitlines()[-1]
    assert [one.as_dict() for one in jobs(sdk, hooked)] == [job.as_dict()]


def test_another_schedule_updates_the_job_and_leaves_what_is_not_ours(
    hooked: Any, sdk: WorkspaceClient
) -> None:
    hooked.run(TRAINING, *NIGHTLY)
    (job,) = jobs(sdk, hooked)
    theirs = JobSettings.from_dict(
        {
            "run_as": {"user_name": "you@local"},
            "email_notifications": {"on_failure": ["ops@example.com"]},
        }
    )
    sdk.jobs.update(job.job_id, new_settings=theirs)
    done = hooked.run(TRAINING, "--cron", "0 30 4 ? * MON-FRI", "--pause")
    assert "updated" in done.out.splitlines()[-1]
    assert "(paused)" in done.out
    (after,) = jobs(sdk, hooked)
    assert after.job_id == job.job_id
    assert after.settings.schedule.pause_status.value == "PAUSED"
    assert after.settings.schedule.timezone_id == "UTC"
    assert after.settings.email_notifications.on_failure == ["ops@example.com"]
    raw = sdk.api_client.do("GET", "/api/2.1/jobs/get", query={"job_id": job.job_id})
    assert raw["settings"]["run_as"] == {"user_name": "you@local"}


def test_without_cron_a_job_keeps_its_schedule_and_gets_the_new_code(
    hooked: Any, sdk: WorkspaceClient
) -> None:
    refused = hooked.run(TRAINING)
    assert refused.code == 2
    assert "so --cron must say when it runs" in refused.err
    nothing = hooked.run(TRAINING, "--if-scheduled")
    assert (nothing.code, jobs(sdk, hooked)) == (0, [])
    assert nothing.out.startswith("nothing to do: there is no job mlflow_training_hook-")
    hooked.run(TRAINING, *NIGHTLY, "--pause")
    (before,) = jobs(sdk, hooked)
    hooked.write("projects/ExampleTrainingProject/notes.txt", "more\n")
    hooked.commit()
    assert "updated" in hooked.run(TRAINING, "--if-scheduled").out
    (after,) = jobs(sdk, hooked)
    assert after.settings.schedule.as_dict() == before.settings.schedule.as_dict()
    assert task(after).notebook_task.notebook_path != task(before).notebook_task.notebook_path


def test_a_dry_run_says_what_would_be_and_sends_nothing(hooked: Any, sdk: WorkspaceClient) -> None:
    done = hooked.run(TRAINING, *NIGHTLY, "--dry-run")
    assert done.code == 0
    assert "would be created" in done.out
    assert jobs(sdk, hooked) == []


def test_remove_deletes_the_job_and_what_it_ran(hooked: Any, sdk: WorkspaceClient) -> None:
    hooked.write("projects/ExampleTrainingProject/own.txt", slug_of(hooked))
    hooked.commit()
    hooked.run(TRAINING, *NIGHTLY)
    (job,) = jobs(sdk, hooked)
    place = task(job).notebook_task.notebook_path.rpartition("/")[0]
    assert sdk.workspace.get_status(place)
    assert "would be removed" in hooked.run(TRAINING, "--remove", "--dry-run").out
    assert len(jobs(sdk, hooked)) == 1
    assert "removed" in hooked.run(TRAINING, "--remove").out
    assert jobs(sdk, hooked) == []
    with pytest.raises(NotFound):
        sdk.workspace.get_status(place)
    assert "nothing to do" in hooked.run(TRAINING, "--remove").out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cron", "0 3 * * *"), "has 5 fields; Quartz has 6 or 7"),
        (("--cron", "0 0 25 * * ?"), "hours cannot be '25'"),
        (("--cron", "0 0 3 * * ?", "--timezone", "Europe/Berlinn"), "did you mean Europe/Berlin?"),
        (("--cron", "0 0 3 * * ? 2001"), "never comes again"),
        (("--timezone", "UTC"), "--timezone goes with --cron"),
        (("--cron", "0 0 3 * * ?", "--remove"), "contradict each other"),
    ],
)
def test_a_wrong_schedule_is_refused_before_anything_is_sent(
    hooked: Any, options: tuple[str, ...], message: str
) -> None:
    done = hooked.run(TRAINING, *options, DATABRICKS_HOST="http://127.0.0.1:9")
    assert done.code == 2
    assert message in done.err


def test_two_jobs_of_one_name_are_listed_and_neither_is_touched(
    hooked: Any, sdk: WorkspaceClient
) -> None:
    hooked.run(TRAINING, *NIGHTLY)
    (first,) = jobs(sdk, hooked)
    second = sdk.jobs.create(name=name(first)).job_id
    done = hooked.run(TRAINING, *NIGHTLY)
    assert done.code == 1
    assert f"2 jobs are called {name(first)}: {second} of you@local, {first.job_id}" in done.err


def test_somebody_elses_job_of_that_name_is_not_taken_over(
    hooked: Any, sdk: WorkspaceClient
) -> None:
    hooked.run(TRAINING, *NIGHTLY)
    (ours,) = jobs(sdk, hooked)
    sdk.jobs.delete(ours.job_id)
    theirs = sdk.jobs.create(name=name(ours)).job_id
    done = hooked.run(TRAINING, *NIGHTLY)
    assert done.code == 1
    assert f"job {theirs} is called {name(ours)}, but it has no tag mlops_branch=" in done.err


def test_a_job_whose_creation_got_no_answer_is_found_again(
    hooked: Any, sdk: WorkspaceClient
) -> None:
    fault = {"kind": "drop_after", "method": "POST", "path": "jobs/create", "times": 1}
    sdk.api_client.do("POST", "/local/faults", body=fault)
    done = hooked.run(TRAINING, *NIGHTLY)
    sdk.api_client.do("DELETE", "/local/faults")
    assert done.code == 0, done.err
    assert len(jobs(sdk, hooked)) == 1


def test_a_half_upload_is_finished_by_the_next_try(hooked: Any, sdk: WorkspaceClient) -> None:
    hooked.write("projects/ExampleTrainingProject/own.txt", slug_of(hooked))
    hooked.commit()
    fault = {"kind": "status", "method": "POST", "path": "/import", "after": 4, "times": 3}
    refused = {"status": 403, "body": {"error_code": "PERMISSION_DENIED", "message": "no"}}
    sdk.api_client.do("POST", "/local/faults", body={**fault, **refused})
    done = hooked.run(TRAINING, *NIGHTLY)
    sdk.api_client.do("DELETE", "/local/faults")
    assert done.code == 1
    assert jobs(sdk, hooked) == []
    assert hooked.run(TRAINING, *NIGHTLY).code == 0
    (job,) = jobs(sdk, hooked)
    place = task(job).notebook_task.notebook_path.rpartition("/")[0]
    there = {str(one.path) for one in sdk.workspace.list(place, recursive=True)}
    files = hooked.git("ls-files", "projects").splitlines()
    assert {f"{place}/{name}" for name in files} <= there


def test_pipelines_run_by_themselves(hooked: Any, sdk: WorkspaceClient) -> None:
    """A schedule fires, the hook trains, a version appears; another scores with it."""
    assert hooked.run(TRAINING, *OFTEN, "--pause").code == 0
    (training,) = jobs(sdk, hooked)
    assert hooked.run(TRAINING, *OFTEN).code == 0
    first = until(lambda: finished(sdk, training.job_id))
    assert first.state.result_state.value == "SUCCESS", first.state.state_message
    assert hooked.run(TRAINING, *OFTEN, "--pause").code == 0
    model = task(training).notebook_task.base_parameters["model_name"]
    assert [one.version for one in sdk.model_registry.get_latest_versions(model)] != []
    assert hooked.run(SCORING, *OFTEN).code == 0
    scoring = jobs(sdk, hooked)[-1]
    scored = until(lambda: finished(sdk, scoring.job_id))
    assert scored.state.result_state.value == "SUCCESS", scored.state.state_message
    hooked.run(SCORING, "--remove")
    experiment = task(scoring).notebook_task.base_parameters["experiment"]
    found = sdk.experiments.get_by_name(experiment).experiment
    (run, *_) = sdk.experiments.search_runs(experiment_ids=[found.experiment_id])
    tags = {tag.key: tag.value for tag in run.data.tags}
    assert tags["mlops.branch"] == hooked.git("branch", "--show-current").strip()
    assert tags["mlops.commit"] == hooked.git("rev-parse", "HEAD").strip()
    (artifact, *_) = sdk.experiments.list_artifacts(run_id=run.info.run_id)
    assert artifact.path


def finished(sdk: WorkspaceClient, job_id: int) -> Any:
    """The first run of a job that is over and was not skipped."""
    runs = list(sdk.jobs.list_runs(job_id=job_id, completed_only=True))
    assert all(run.run_type.value == "JOB_RUN" for run in runs)
    done = [run for run in runs if run.state.life_cycle_state.value != "SKIPPED"]
    return done[-1] if done else None


def test_an_edit_in_shared_does_not_change_what_a_job_runs(
    hooked: Any, sdk: WorkspaceClient
) -> None:
    assert hooked.run("databricks-sync/sync_master.py", "--hooks", MLOPS_BRANCH="master").code == 0
    hooked.write("projects/ExampleTrainingProject/train.py", "print('the real one')\n")
    hooked.write(
        "projects/ExampleTrainingProject/MLProject",
        "name: Small\nentry_points:\n  main:\n    command: python train.py\n",
    )
    (hooked.folder / "projects/ExampleTrainingProject/training_env.yaml").unlink()
    hooked.commit()
    assert hooked.run(TRAINING, *NIGHTLY, "--pause").code == 0
    sdk.workspace.upload(
        "/Shared/mlflow_hooks/projects/ExampleTrainingProject/train.py",
        b"raise SystemExit('somebody else')\n",
        format=ImportFormat.AUTO,
        overwrite=True,
    )
    done = hooked.run(TRAINING, "--run-now")
    assert done.code == 0, done.err
    assert "TERMINATED SUCCESS" in done.out


def test_a_pipeline_that_fails_makes_the_job_and_the_command_fail(hooked: Any) -> None:
    hooked.write("projects/ExampleTrainingProject/train.py", "raise ValueError('no such luck')\n")
    hooked.commit()
    done = hooked.run(TRAINING, *NIGHTLY, "--pause", "--run-now")
    assert done.code == 1
    assert "no such luck" in done.err


def test_a_hook_can_be_run_by_hand_from_the_copy_in_shared(
    hooked: Any, sdk: WorkspaceClient
) -> None:
    assert hooked.run("databricks-sync/sync_master.py", "--hooks", MLOPS_BRANCH="master").code == 0
    by_hand = {"model_name": "by_hand_model", "experiment": "/Shared/by-hand", "cluster": "c-1"}
    notebook = NotebookTask("/Shared/mlflow_hooks/mlflow_training_hook", base_parameters=by_hand)
    task = SubmitTask(task_key="t", notebook_task=notebook, existing_cluster_id="c-1")
    run = sdk.jobs.submit(run_name="by hand", tasks=[task]).result()
    output = sdk.jobs.get_run_output(run.tasks[0].run_id).notebook_output.result
    assert output.startswith("model by_hand_model version ")
    found = sdk.experiments.get_by_name("/Shared/by-hand").experiment
    (tracked, *_) = sdk.experiments.search_runs(experiment_ids=[found.experiment_id])
    tags = {tag.key: tag.value for tag in tracked.data.tags}
    assert tags["mlops.branch"] == "master"
    assert tags["mlops.compute"] == "existing cluster c-1"


@pytest.mark.parametrize("hook", [TRAINING, SCORING])
def test_without_mlops_core_a_hook_says_how_to_get_it(hook: str, tmp_path: Path) -> None:
    alone = tmp_path / "hook.py"
    shutil.copyfile(ROOT / hook, alone)
    bare = [sys.executable, "-I", "-S", str(alone)]
    done = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "this Python has no mlops_core" in done.stderr
    assert "python -m pip install -r databricks-sync/requirements.txt" in done.stderr
    inside = "class W:\n text = lambda s, n, d: None\n get = lambda s, n: ''\n"
    inside += f"class D: widgets = W()\ndbutils = D()\nexec(open({str(alone)!r}).read())"
    bare = [sys.executable, "-I", "-S", "-c", inside]
    done = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "this Python has no mlops_core; first run: %pip install" in done.stderr


@pytest.mark.parametrize("hook", [TRAINING, SCORING])
def test_a_hook_is_a_source_notebook_of_three_cells(hook: str) -> None:
    text = (ROOT / hook).read_text(encoding="utf-8")
    assert text.startswith("# Databricks notebook source\n# MAGIC %md\n")
    assert text.count("\n# COMMAND ----------\n") == 2
