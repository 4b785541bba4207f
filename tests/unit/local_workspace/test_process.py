"""Driver processes end as a group, by cancel and with the server that started them."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from mlops_core.local_workspace import process, runner
from mlops_core.local_workspace.process import Driver, start_driver

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def start(tmp_path: Path):
    output = tmp_path / "output.txt"

    def begin(code: str, *arguments: str) -> tuple[Driver, Path]:
        driver = start_driver(
            [sys.executable, "-c", code, *arguments],
            environment=dict(os.environ),
            folder=tmp_path,
            output=output,
        )
        return driver, output

    return begin


def child_of(driver: Driver, output: Path) -> psutil.Process:
    """The grandchild, once the driver has said that it is there."""
    own = psutil.Process(driver.process.pid)
    while "ready" not in output.read_text():
        assert own.is_running(), output.read_text()
    return psutil.Process(int(output.read_text().split()[1]))


def is_gone(one: psutil.Process) -> bool:
    psutil.wait_procs([one], timeout=10)
    return not one.is_running() or one.status() == psutil.STATUS_ZOMBIE


def test_both_streams_arrive_in_order(start):
    code = "import sys, os\nfor n in range(3):\n  os.write(1, b'o'); os.write(2, b'e')"
    driver, output = start(code)
    assert driver.wait() == 0
    assert output.read_text() == "oeoeoe"


def test_cancel_ends_the_whole_group(start):
    driver, output = start(FAMILY)
    child = child_of(driver, output)
    driver.cancel()
    assert driver.wait() != 0
    assert is_gone(child)


def test_what_ignores_the_polite_signal_is_killed(start, monkeypatch):
    monkeypatch.setattr(process, "GRACE", 0.05)
    code = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY
    driver, output = start(code)
    child = child_of(driver, output)
    driver.cancel()
    driver.wait()
    assert is_gone(child)


def test_what_outlives_its_driver_is_ended_with_it(start):
    driver, output = start(FAMILY.rsplit("time.sleep(600)", 1)[0] + "sys.exit(4)\n")
    assert driver.wait() == 4
    pid = int(output.read_text().split()[1])
    assert not psutil.pid_exists(pid) or is_gone(psutil.Process(pid))


def test_a_group_ends_when_the_server_lets_go_of_the_pipe(start):
    folder = Path(runner.__file__).parents[2]
    leash = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "from mlops_core.local_workspace import runner\nrunner._follow_the_server()\n"
    )
    driver, output = start(leash + FAMILY)
    child = child_of(driver, output)
    assert driver.process.stdin
    driver.process.stdin.close()  # what the system does when the server is killed
    driver.wait()
    assert is_gone(child)
