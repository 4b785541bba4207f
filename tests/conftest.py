"""What every test gets: a home of its own, no inherited settings, no network but loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

_INHERITED = ("DATABRICKS_", "MLFLOW_", "MLOPS_", "BUILD_", "SYSTEM_", "GITHUB_", "CI_COMMIT_")
_NAMES = ("NOTEBOOK_FOLDER", "PROJECT_FOLDER", "MODEL_NAME", "MODEL_SCHEMA", "CI", "TF_BUILD")


@pytest.fixture(autouse=True)
def clean_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """No setting of the developer's machine reaches a test; git commits without a global config."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(_INHERITED) or name in _NAMES:
            monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("USER", "someone")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (home / "gitconfig").write_text(
        "[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = master\n"
        "[core]\n\tautocrlf = false\n",
        encoding="utf-8",
    )
    return home


@pytest.fixture(autouse=True, scope="session")
def ctrl_c() -> None:
    """Scripts that a test starts hear Ctrl-C, also where a shell's `&` has made it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that would reach another machine fails and says which."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(
            ("127.", "::1", "localhost")
        ):
            raise AssertionError(f"a test may not connect to {address[0]}")
        connect(self, address)  # type: ignore[arg-type]  # whatever the caller passed

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield


@pytest.fixture(scope="session")
def fresh_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without the project; pip finds all other packages there, and asks no index."""
    folder = tmp_path_factory.mktemp("python") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # what ensurepip brings on Python 3.11 is older than what the project asks for
    old = [python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"]
    subprocess.run(old, capture_output=True, check=True)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    place = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    ours = Path(sysconfig.get_path("purelib"))
    (Path(place.stdout.strip()) / "zz_index.pth").write_text(f"{ours}\n", encoding="utf-8")
    ask = "import mlops_core.cli"
    missing = subprocess.run([python, "-c", ask], cwd=folder, capture_output=True)
    assert missing.returncode, "the project must come from a pip command of the test"
    return python


@pytest.fixture(scope="session")
def project_remote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project, as it lies here, as a repository with one commit on master."""
    root = Path(__file__).resolve().parents[1]
    folder = tmp_path_factory.mktemp("remote") / "project"
    listing = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    names = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, folder / name)
    commit = ["-c", "user.name=t", "-c", "user.email=t@e", "commit", "--quiet", "--message=All"]
    for command in (["init", "--quiet", "--initial-branch=master"], ["add", "--all"], commit):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder
