"""Runs over restarts of the server, and the end of the server in the middle of one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mlops_core.local_workspace.application import open_services
from mlops_core.local_workspace.jobs_part import JobsPart, open_jobs
from mlops_core.local_workspace.run_record import RunRecord
from mlops_core.local_workspace.run_request import parse_submit
from mlops_core.local_workspace.run_start import start_submitted
from mlops_core.local_workspace.services import Services

SERVE = """
import os, sys
from pathlib import Path
from mlops_core.local_workspace.application import open_services
from mlops_core.local_workspace.jobs_part import open_jobs
from mlops_core.local_workspace.run_request import parse_submit
from mlops_core.local_workspace.run_start import start_submitted

with open_services(Path(sys.argv[1]), lambda: ("http://127.0.0.1:1", "t")) as services:
    script = {"python_file": "/Workspace/Shared/task.py", "parameters": ["/Workspace/Shared/pid"]}
    task = {"existing_cluster_id": "c", "spark_python_task": script}
    run = start_submitted(open_jobs(services).engine, parse_submit(task))
    print(run.run_id, flush=True)
    sys.stdin.read()
"""


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Services, JobsPart]]:
    with open_services(folder, lambda: ("http://127.0.0.1:1", "t")) as services:
        part = open_jobs(services)
        try:
            yield services, part
        finally:
            part.shutdown()


def submit(services: Services, part: JobsPart, text: str) -> RunRecord:
    (services.tree.root / "Shared" / "task.py").write_text(text)
    task = {"python_file": "/Workspace/Shared/task.py"}
    body = {"existing_cluster_id": "c", "spark_python_task": task}
    return start_submitted(part.engine, parse_submit(body))


def test_a_restart_keeps_runs_and_their_output(tmp_path):
    with opened(tmp_path) as (services, part):
        run = submit(services, part, "print('kept')\n")
        part.engine.join(run.run_id)
    with opened(tmp_path) as (_, part):
        found = part.engine.records.find(run.run_id)
        assert found and found.status.result == "SUCCESS"
        (task,) = part.engine.records.tasks(run.run_id)
        assert part.engine.launcher.logs(task) == ("kept\n", False)


def test_the_end_of_the_server_ends_its_runs(tmp_path):
    with opened(tmp_path) as (services, part):
        run = submit(services, part, "import time\ntime.sleep(600)\n")
    with opened(tmp_path) as (_, part):
        found = part.engine.records.find(run.run_id)
        assert found and (found.status.life_cycle, found.status.result) == (
            "INTERNAL_ERROR",
            "FAILED",
        )
        assert "The embedded workspace ended" in found.status.message


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_server_takes_its_runs_along_and_the_next_one_says_so(tmp_path):
    with opened(tmp_path) as (services, _):
        script = services.tree.root / "Shared" / "task.py"
        script.write_text(
            "import os, sys, time\nopen(sys.argv[1], 'w').write(f'{os.getpid()}\\n')\n"
            "time.sleep(600)\n"
        )
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        run_id = int(server.stdout.readline())
        pid_file = script.with_name("pid")
        while not (pid_file.exists() and pid_file.read_text().endswith("\n")):
            assert server.poll() is None
        driver = psutil.Process(int(pid_file.read_text()))
        server.send_signal(signal.SIGKILL)
    psutil.wait_procs([driver], timeout=10)
    assert not driver.is_running() or driver.status() == psutil.STATUS_ZOMBIE
    with opened(tmp_path) as (_, part):
        found = part.engine.records.find(run_id)
        assert found and found.status.life_cycle == "INTERNAL_ERROR"
        assert part.engine.records.tasks(run_id)[0].status.life_cycle == "INTERNAL_ERROR"


def test_a_run_that_ended_is_not_cancelled_again(tmp_path):
    with opened(tmp_path) as (services, part):
        run = submit(services, part, "")
        part.engine.join(run.run_id)
        part.engine.cancel(run.run_id)
        found = part.engine.records.find(run.run_id)
        assert found and found.status.result == "SUCCESS"
