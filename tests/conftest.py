"""What every test gets: a home of its own, no inherited settings, no network but loopback."""

from __future__ import annotations

import os
import socket
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
