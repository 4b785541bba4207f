"""A user's checkout, the embedded workspace, and the scripts as processes.

What the scripts did is read through databricks-sdk and MLflow, not through our own client.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient

from mlops_core.local_workspace.lease import Lease, acquire

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """How a script ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Checkout:
    """A git checkout with its settings; ``environ`` is what its user's shell has."""

    folder: Path
    environ: Mapping[str, str]

    def write(self, path: str, content: str | bytes) -> Path:
        """Put a file into the checkout, byte for byte."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def read(self, path: str) -> str:
        return (self.folder / path).read_bytes().decode()

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=True
        )
        return done.stdout

    def commit(self, message: str = "Work") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def start(self, script: str, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """A script of ours, as a process, in this checkout."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / script), *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, script: str, *arguments: str, **environ: str) -> Done:
        """The same, to its end; no token may be in what it says."""
        with self.start(script, *arguments, **environ) as process:
            out, err = process.communicate(timeout=300)
        for name in ("DATABRICKS_TOKEN",):
            token = {**self.environ, **environ}.get(name)
            assert not token or token not in out + err
        assert "Traceback" not in err or "  | Traceback" in err, err
        return Done(process.returncode, out, err)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lease]:
    """One embedded workspace for all tests that do not need one of their own."""
    with acquire(tmp_path_factory.mktemp("served") / ".mlops" / "local-workspace") as lease:
        yield lease


@pytest.fixture
def sdk(served: Lease) -> WorkspaceClient:
    """databricks-sdk, logged in to that workspace."""
    return WorkspaceClient(host=served.host, token=served.token)


@pytest.fixture
def make_checkout(tmp_path: Path) -> Callable[..., Checkout]:
    """Make a checkout on a branch; settings are given as its environment."""

    def make(branch: str, **environ: str) -> Checkout:
        folder = tmp_path / f"checkout-{uuid4().hex[:6]}"
        folder.mkdir()
        checkout = Checkout(folder, {**os.environ, "PYTHONUTF8": "1", **environ})
        checkout.git("init", "--quiet", f"--initial-branch={branch}")
        checkout.write(".gitignore", ".env\n.mlops/\n")
        checkout.commit("Start")
        return checkout

    return make


@pytest.fixture
def checkout(make_checkout: Callable[..., Checkout], served: Lease) -> Checkout:
    """A checkout on a branch of its own, whose scripts talk to the shared workspace."""
    return make_checkout(
        f"feature/{uuid4().hex[:8]}",
        DATABRICKS_HOST=served.host,
        DATABRICKS_TOKEN=served.token,
        MLFLOW_REGISTRY_URI="databricks",
    )
