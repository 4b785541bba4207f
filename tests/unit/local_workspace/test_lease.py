"""Leases on real server processes: shared, restarted, never left over."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mlops_core.errors import MlopsError
from mlops_core.local_workspace import data_folder as folders
from mlops_core.local_workspace.lease import acquire

HOLD = """
import sys
from pathlib import Path
from mlops_core.local_workspace.lease import acquire
with acquire(Path(sys.argv[1])) as lease:
    print(lease.host, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".mlops" / "local-workspace"


@pytest.fixture
def holder(folder):
    """Start scripts that hold a lease; each tells the host first."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _ask(lease, path, body=None):
    request = urllib.request.Request(
        lease.host + path,
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"Bearer {lease.token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def _server(folder):
    return psutil.Process(folders.read_server(folder).pid)


def test_state_port_and_token_survive_and_no_process_does(folder):
    with acquire(folder) as first:
        _ask(first, "/api/2.0/workspace/mkdirs", {"path": "/Shared/kept"})
        server = _server(folder)
    assert not server.is_running()
    with acquire(folder) as second:
        assert (second.host, second.token, second.user) == (first.host, first.token, "you@local")
        listed = _ask(second, "/api/2.0/workspace/list?path=/Shared")
    assert [one["path"] for one in listed["objects"]] == ["/Shared/kept"]


def test_the_first_script_to_end_leaves_the_server_to_the_second(folder):
    with acquire(folder) as second:
        with acquire(folder) as first:
            assert first.host == second.host
        assert _ask(second, "/api/2.0/workspace/list?path=/")["objects"]
        server = _server(folder)
    assert not server.is_running()


def test_the_starter_may_end_first(folder, holder):
    starter, host = holder()
    with acquire(folder) as lease:
        assert lease.host == host
        starter.communicate("\n", timeout=30)
        assert starter.returncode == 0
        assert _ask(lease, "/api/2.0/workspace/list?path=/")["objects"]
        server = _server(folder)
    server.wait(10)


def test_a_killed_script_takes_its_server_along(folder, holder):
    script, _ = holder()
    server = _server(folder)
    script.kill()
    script.wait()
    server.wait(10)


def test_a_server_whose_starter_dies_at_once_ends(folder):
    command = [sys.executable, "-m", "mlops_core.local_workspace", "--leased", "--data", folder]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.communicate(timeout=30)[0]  # closes its input: what death does
    assert server.returncode == 0


def test_many_scripts_at_once_share_one_server(holder):
    hosts = {holder()[1] for _ in range(3)}
    assert len(hosts) == 1


def test_a_stranger_on_the_port_never_sees_the_token(folder):
    with acquire(folder) as lease:
        pass
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(30)
        kept = folders.read_server(folder)
        port = stranger.getsockname()[1]
        folders.write_server(folder, replace(kept, port=port))
        told = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        connection, _ = stranger.accept()
        with connection:
            heard = connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"proof": "x"}')
        other = told.stdout.readline().strip()
        told.communicate("\n", timeout=30)
    assert b"nonce=" in heard and lease.token.encode() not in heard
    assert other and other != f"http://127.0.0.1:{port}"


def test_a_server_started_by_hand_outlives_leases_and_is_used_by_them(folder):
    command = [sys.executable, "-m", "mlops_core.local_workspace", "--data", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = [server.stdout.readline().strip() for _ in range(4)]
    with acquire(folder) as lease:
        pass
    with acquire(folder) as lease:
        assert lines == [
            f"export DATABRICKS_HOST={lease.host}",
            f"export DATABRICKS_TOKEN={lease.token}",
            "export MLFLOW_TRACKING_URI=databricks",
            "export MLFLOW_REGISTRY_URI=databricks",
        ]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert f"already served by process {server.pid}" in second.stderr
    assert server.poll() is None
    server.send_signal(signal.SIGINT if os.name == "posix" else signal.CTRL_BREAK_EVENT)
    server.communicate(timeout=30)
    assert server.returncode == 0


def test_a_newer_data_folder_is_refused_with_the_way_out(folder):
    from mlops_core.local_workspace.database import Database

    folders.prepare(folder)
    database = Database(folder / "workspace.db")
    database.execute("INSERT INTO parts VALUES ('objects', 99)")
    database.close()
    with (
        pytest.raises(MlopsError, match="written by a newer mlops_core") as refusal,
        acquire(folder),
    ):
        pass
    assert "update mlops_core" in refusal.value.hint


def test_the_lease_is_cheap_to_import():
    code = "import sys, mlops_core.local_workspace.lease; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"fastapi", "uvicorn", "sqlite3", "mlflow", "pydantic"} & set(loaded.stdout.split())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MlopsError, match="cannot keep its state in"), acquire(tmp_path / "file"):
        pass


def test_switches_are_kept_in_the_folder_and_checked(folder):
    command = [sys.executable, "-m", "mlops_core.local_workspace", "--data", str(folder)]
    wrong = subprocess.run(
        [*command, "--switch", "content=rotten"], capture_output=True, text=True, timeout=30
    )
    assert wrong.returncode == 2
    assert "kept or normalised" in wrong.stderr
    right = [*command, "--switch", "content=normalised"]
    server = subprocess.Popen(right, stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    server.terminate()
    server.communicate(timeout=30)
    with acquire(folder) as lease:
        assert _ask(lease, "/local/switches")["content"] == "normalised"


def test_a_port_that_is_taken_is_an_error_when_asked_for(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "mlops_core.local_workspace", "--data", str(folder)]
        refused = subprocess.run(
            [*command, "--port", port], capture_output=True, text=True, timeout=30
        )
    assert refused.returncode == 1
    assert f"port {port} of this machine is taken" in refused.stderr


def test_the_server_does_not_inherit_the_first_scripts_settings(folder, monkeypatch):
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-secret")
    with acquire(folder):
        assert "DATABRICKS_TOKEN" not in _server(folder).environ()
