"""databricks-sdk works with the jobs and runs of the embedded workspace, quirks included."""

import io
import time

import psutil
import pytest
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat, Language

OVER = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}


@pytest.fixture
def upload(sdk, home):
    """Put a file or a notebook into the test's folder; its path comes back."""

    def put(name: str, text: str, *, notebook: bool = False) -> str:
        path = f"{home}/{name}"
        if notebook:
            options = {"format": ImportFormat.SOURCE, "language": Language.PYTHON}
        else:
            options = {"format": ImportFormat.RAW}
        sdk.workspace.upload(path, io.BytesIO(text.encode()), overwrite=True, **options)
        return path

    return put


@pytest.fixture
def ended(sdk):
    """The run, once it is over."""

    def wait(run_id: int) -> jobs.Run:
        deadline = time.monotonic() + 60
        while (run := sdk.jobs.get_run(run_id)).state.life_cycle_state.value not in OVER:
            assert time.monotonic() < deadline, run.state
            time.sleep(0.05)
        return run

    return wait


@pytest.fixture
def submit(sdk, ended):
    """Run one task to its end; the run and its output come back."""

    def run(**task: object) -> tuple[jobs.Run, jobs.RunOutput]:
        task.setdefault("existing_cluster_id", "any")
        run_id = sdk.jobs.submit(
            run_name="a run", tasks=[jobs.SubmitTask(task_key="main", **task)]
        ).run_id
        over = ended(run_id)
        return over, sdk.jobs.get_run_output(over.tasks[0].run_id)

    return run


def python(path: str, *parameters: str) -> dict[str, object]:
    return {
        "spark_python_task": jobs.SparkPythonTask(f"/Workspace{path}", parameters=list(parameters))
    }


def notebook(path: str, **parameters: str) -> dict[str, object]:
    return {"notebook_task": jobs.NotebookTask(path, base_parameters=parameters)}


def test_a_python_task_runs_as_on_a_cluster(submit, upload, monkeypatch):
    monkeypatch.setenv("OF_THE_CLIENT", "1")
    path = upload(
        "task.py",
        "import os, sys\nprint(__name__, '__file__' in globals(), sys.argv[1:])\n"
        "print('DATABRICKS_RUNTIME_VERSION' in os.environ, os.environ.get('OF_THE_CLIENT'))\n"
        "print('to stderr', file=sys.stderr)\n",
    )
    run, output = submit(**python(path, "a", "b c"))
    assert run.state.life_cycle_state.value == "TERMINATED"
    assert run.state.result_state.value == "SUCCESS"
    assert run.status.termination_details.code.value == "SUCCESS"
    assert output.logs == "__main__ False ['a', 'b c']\nTrue None\nto stderr\n"
    assert output.logs_truncated is False


def test_a_file_that_a_run_writes_is_a_workspace_file(submit, upload, sdk, home):
    path = upload("write.py", "import sys\nopen(sys.argv[1], 'w').write('from the run')\n")
    submit(**python(path, f"/Workspace{home}/out.txt"))
    assert sdk.workspace.download(f"{home}/out.txt").read() == b"from the run"


def test_a_failed_task_ends_as_internal_error(submit, upload):
    path = upload("bad.py", "def f():\n    raise RuntimeError('intentional failure')\nf()\n")
    run, output = submit(**python(path))
    for state in (run.state, run.tasks[0].state):
        assert state.life_cycle_state.value == "INTERNAL_ERROR"
        assert state.result_state.value == "FAILED"
    assert run.state.state_message == (
        "Task main failed with message: Workload failed, see run output for details."
    )
    assert output.error == "RuntimeError: intentional failure"
    assert f'File "/Workspace{path}", line 2, in f\n    raise RuntimeError' in output.error_trace
    assert "runner.py" not in output.error_trace


def test_sys_exit_is_a_failure_unless_it_is_0(submit, upload):
    good, _ = submit(**python(upload("zero.py", "import sys\nsys.exit(0)\n")))
    bad, output = submit(**python(upload("three.py", "import sys\nsys.exit(3)\n")))
    assert good.state.result_state.value == "SUCCESS"
    assert (bad.state.result_state.value, output.error) == ("FAILED", "SystemExit: 3")


def test_a_driver_that_dies_is_a_failure(submit, upload):
    run, output = submit(**python(upload("die.py", "import os\nos._exit(7)\n")))
    assert run.state.result_state.value == "FAILED"
    assert output.error == "The driver ended without an answer (exit status 7)."


def test_output_wants_a_task_run_but_in_2_0(submit, upload, sdk, site):
    run, _ = submit(**python(upload("hello.py", "print('hello')\n")))
    with pytest.raises(InvalidParameterValue, match="runs with multiple tasks is not supported"):
        sdk.jobs.get_run_output(run.run_id)
    older = site.ask("GET", "/api/2.0/jobs/runs/get-output", run_id=run.run_id)
    assert older.json["logs"] == "hello\n"


def test_only_the_last_5_mb_of_the_logs_are_kept(submit, upload):
    path = upload("loud.py", "for n in range(60):\n    print('x' * 100_000)\nprint('end')\n")
    _, output = submit(**python(path))
    assert output.logs_truncated is True
    assert len(output.logs) == 5 * 1024 * 1024
    assert output.logs.endswith("end\n")


def test_missing_things_are_400_with_the_documented_text(sdk, site):
    # the SDK knows that text, and turns its 400 into what it means
    with pytest.raises(ResourceDoesNotExist, match=r"^Run 1 does not exist\.$"):
        sdk.jobs.get_run(1)
    answer = site.ask("GET", "/api/2.2/jobs/get", job_id=1)
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert answer.json["message"] == "Job 1 does not exist."


def test_one_idempotency_token_is_one_run(sdk, upload, ended):
    task = jobs.SubmitTask(task_key="a", existing_cluster_id="c", **python(upload("t.py", "")))
    first = sdk.jobs.submit(tasks=[task], idempotency_token="once").run_id
    assert sdk.jobs.submit(tasks=[task], idempotency_token="once").run_id == first
    ended(first)
    sdk.jobs.delete_run(first)
    with pytest.raises(InvalidParameterValue, match="was deleted"):
        sdk.jobs.submit(tasks=[task], idempotency_token="once")
    with pytest.raises(InvalidParameterValue, match="64"):
        sdk.jobs.submit(tasks=[task], idempotency_token="x" * 65)


def test_cancel_ends_every_process_of_the_run(sdk, upload, ended, site, home):
    path = upload(
        "slow.py",
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\ntime.sleep(600)\n",
    )
    task = python(path, f"/Workspace{home}/pid")
    run_id = sdk.jobs.submit(
        tasks=[jobs.SubmitTask(task_key="a", existing_cluster_id="c", **task)]
    ).run_id
    pid_file = site.data_folder / "root" / home.removeprefix("/") / "pid"
    while not (pid_file.exists() and pid_file.read_text()):
        time.sleep(0.02)
    with pytest.raises(DatabricksError, match="active"):
        sdk.jobs.delete_run(run_id)
    child = psutil.Process(int(pid_file.read_text()))
    sdk.jobs.cancel_run(run_id)
    run = ended(run_id)
    assert run.state.result_state.value == "CANCELED"
    assert run.state.user_cancelled_or_timedout is True
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_time_out_ends_the_run(sdk, upload, ended):
    task = python(upload("long.py", "import time\ntime.sleep(600)\n"))
    run_id = sdk.jobs.submit(
        tasks=[jobs.SubmitTask(task_key="a", existing_cluster_id="c", **task)], timeout_seconds=1
    ).run_id
    assert ended(run_id).state.result_state.value == "TIMEDOUT"


def test_a_notebook_gets_widgets_and_gives_a_result(submit, upload):
    upload("other", "shared = 20\n", notebook=True)
    path = upload(
        "note",
        "dbutils.widgets.text('given', '0')\ndbutils.widgets.text('left', '2')\n"
        "# COMMAND ----------\n# MAGIC %md\n# MAGIC words\n"
        "# COMMAND ----------\n# MAGIC %run ./other\n"
        "# COMMAND ----------\n"
        "context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()\n"
        "numbers = shared + int(dbutils.widgets.get('given')) + int(dbutils.widgets.get('left'))\n"
        "dbutils.notebook.exit(f'{context.notebookPath().get()} {numbers}')\n"
        "# COMMAND ----------\nraise RuntimeError('never reached')\n",
        notebook=True,
    )
    run, output = submit(**notebook(path, given="20"))
    assert run.state.result_state.value == "SUCCESS"
    assert output.notebook_output.result == f"{path} 42"
    assert output.logs is None


def test_a_notebook_runs_another_as_a_run_of_its_own(submit, upload):
    other = upload("callee", "dbutils.notebook.exit(dbutils.widgets.get('x') * 2)\n", notebook=True)
    call = f"dbutils.notebook.exit(dbutils.notebook.run({other!r}, 60, {{'x': 'ab'}}))\n"
    _, output = submit(**notebook(upload("caller", call, notebook=True)))
    assert output.notebook_output.result == "abab"


def test_databricks_sdk_works_inside_a_run(submit, upload):
    path = upload(
        "inside",
        "from databricks.sdk import WorkspaceClient\n"
        "from databricks.sdk.runtime import dbutils as same\n"
        "assert same is dbutils\n"
        "dbutils.notebook.exit(WorkspaceClient().current_user.me().user_name)\n",
        notebook=True,
    )
    _, output = submit(**notebook(path))
    assert output.notebook_output.result == "you@local"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("# MAGIC %sql\n# MAGIC SELECT 1\n", "Python notebooks only"),
        ("# MAGIC %pip install not-there-at-all==1\n", "not-there-at-all==1 is not installed"),
        ("dbutils.widgets.get('nobody')\n", "No input widget named nobody is defined"),
        ("dbutils.fs.ls('/')\n", "does not exist in the embedded workspace"),
    ],
)
def test_what_a_notebook_cannot_have_fails_clearly(submit, upload, cell, message):
    run, output = submit(**notebook(upload("cannot", cell, notebook=True)))
    assert run.state.life_cycle_state.value == "INTERNAL_ERROR"
    assert message in output.error


def test_compute_that_cannot_be_had(submit, sdk, upload):
    path = upload("any.py", "")
    with pytest.raises(InvalidParameterValue, match="Cluster missing-1 does not exist"):
        submit(**python(path), existing_cluster_id="missing-1")
    wanted = compute.Library(pypi=compute.PythonPyPiLibrary("not-there==1"))
    run, _ = submit(**python(path), libraries=[wanted])
    assert run.state.life_cycle_state.value == "INTERNAL_ERROR"
    assert "not-there==1 is not installed" in run.state.state_message
    code = run.tasks[0].status.termination_details.code
    assert code is jobs.TerminationCodeCode.LIBRARY_INSTALLATION_ERROR


def test_serverless_environments_are_checked(sdk, upload, ended):
    task = jobs.SubmitTask(task_key="a", environment_key="e", **python(upload("e.py", "")))

    def result(dependency: str) -> str:
        spec = compute.Environment(environment_version="2", dependencies=[dependency])
        environment = jobs.JobEnvironment("e", spec=spec)
        run_id = sdk.jobs.submit(tasks=[task], environments=[environment]).run_id
        return ended(run_id).state.result_state.value

    assert (result("requests>=2"), result("requests<1")) == ("SUCCESS", "FAILED")


@pytest.mark.parametrize("kind", ["policy", "quota"])
def test_policies_and_quotas_refuse_when_switched_on(site, sdk, upload, kind):
    assert site.ask("PUT", "/local/switches", {kind: "on"}).status == 200
    cluster = compute.ClusterSpec(spark_version="15.4.x-scala2.12", num_workers=1)
    task = jobs.SubmitTask(task_key="a", new_cluster=cluster, **python(upload("p.py", "")))
    with pytest.raises(DatabricksError, match=r"policy|quota"):
        sdk.jobs.submit(tasks=[task])


def test_what_is_no_file_cannot_be_a_python_task(submit, upload, home):
    for path in (f"{home}/nothing.py", upload("a_notebook", "1", notebook=True)):
        run, _ = submit(**python(path))
        assert "Cannot read the python file" in run.state.state_message


def test_tasks_wait_for_each_other(sdk, upload, ended):
    good, bad = upload("good.py", "print(1)\n"), upload("bad.py", "1 / 0\n")

    def task(key: str, path: str, *before: str) -> jobs.SubmitTask:
        waits = [jobs.TaskDependency(one) for one in before]
        return jobs.SubmitTask(
            task_key=key, existing_cluster_id="c", depends_on=waits, **python(path)
        )

    tasks = [task("last", good, "broken"), task("broken", bad, "first"), task("first", good)]
    run = ended(sdk.jobs.submit(tasks=tasks).run_id)
    results = {one.task_key: one.state.result_state.value for one in run.tasks}
    assert results == {"first": "SUCCESS", "broken": "FAILED", "last": "UPSTREAM_FAILED"}
    assert run.state.state_message.startswith("Task broken failed with message:")


def test_a_saved_job_from_create_to_delete(sdk, upload, ended):
    path = upload("job", "dbutils.notebook.exit(dbutils.widgets.get('word'))\n", notebook=True)
    task = jobs.Task(task_key="main", existing_cluster_id="c", **notebook(path, word="own"))
    schedule = jobs.CronSchedule("0 0 3 * * ?", "UTC", pause_status=jobs.PauseStatus.PAUSED)
    run_as = jobs.JobRunAs(user_name="you@local")
    job_id = sdk.jobs.create(
        name="Nightly", tasks=[task], schedule=schedule, tags={"project": "x"}, run_as=run_as
    ).job_id
    settings = sdk.jobs.get(job_id).settings
    assert (settings.format.value, settings.timeout_seconds) == ("MULTI_TASK", 0)
    assert settings.tasks[0].run_if.value == "ALL_SUCCESS"
    assert settings.schedule.quartz_cron_expression == "0 0 3 * * ?"
    assert [job.job_id for job in sdk.jobs.list(name="nIGHTLY")] == [job_id]

    def result(**options: object) -> str:
        run = ended(sdk.jobs.run_now(job_id, **options).run_id)
        return sdk.jobs.get_run_output(run.tasks[0].run_id).notebook_output.result

    assert result() == "own"
    assert result(notebook_params={"word": "given"}) == "given"
    sdk.jobs.update(job_id, new_settings=jobs.JobSettings(name="Renamed"))
    assert sdk.jobs.get(job_id).settings.tags == {"project": "x"}
    sdk.jobs.reset(job_id, jobs.JobSettings(name="Reset"))
    settings = sdk.jobs.get(job_id).settings
    assert (settings.name, settings.tags, settings.run_as) == ("Reset", None, run_as)
    sdk.jobs.delete(job_id)
    assert not list(sdk.jobs.list(name="Reset"))


def test_lists_come_in_pages(sdk, ended, upload):
    made = {sdk.jobs.create(name="of many").job_id for _ in range(3)}
    assert {job.job_id for job in sdk.jobs.list(name="of many", limit=2)} == made
    run_id = sdk.jobs.submit(
        tasks=[jobs.SubmitTask(task_key="a", existing_cluster_id="c", **python(upload("l.py", "")))]
    ).run_id
    ended(run_id)
    assert run_id in {run.run_id for run in sdk.jobs.list_runs(completed_only=True, limit=1)}
    with pytest.raises(InvalidParameterValue, match="limit"):
        list(sdk.jobs.list_runs(limit=25))
    for job_id in made:
        sdk.jobs.delete(job_id)


def test_dbfs_is_disabled(site):
    answer = site.ask("GET", "/api/2.0/dbfs/get-status", path="/tmp/x")
    assert answer.status == 403
    assert answer.json["message"] == (
        "Public DBFS root is disabled. Access is denied on path: /tmp/x"
    )


def test_the_page_of_a_run_shows_its_state_and_output(submit, upload, site):
    run, _ = submit(**python(upload("page.py", "print('<shown>')\n")))
    path = run.run_page_url.removeprefix(site.host).partition("?")[0]
    page = site.ask("GET", path).content.decode()
    assert "TERMINATED" in page and "&lt;shown&gt;" in page
