"""A workspace over real HTTP, and clones of one repository that are synced with it in-process."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language

from mlops_core.local_workspace.lease import Lease, acquire
from mlops_core.paths import WorkspacePath
from mlops_core.sync.pair import Pair
from mlops_core.sync.pull import pull
from mlops_core.sync.push import push
from mlops_core.sync.report import Report
from mlops_core.workspace.files import WorkspaceFiles
from mlops_core.workspace.http import HttpClient


@dataclass(frozen=True)
class Remote:
    """The workspace as its users see it, and as a test can make it fail."""

    lease: Lease
    sdk: WorkspaceClient
    http: HttpClient

    def login(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.lease.token}"}

    def control(self, method: str, path: str, body: object = None) -> object:
        request = urllib.request.Request(
            f"{self.lease.host}/local/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={**self.login(), "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def generation(self, name: str) -> None:
        """`kept` or `normalised`: what the service does to line endings."""
        self.control("PUT", "switches", {"content": name})

    def fault(self, **rule: object) -> None:
        self.control("POST", "faults", rule)

    def heal(self) -> None:
        self.control("DELETE", "faults")

    def requests(self) -> list[dict[str, str]]:
        answer = self.control("GET", "requests")
        assert isinstance(answer, dict)
        return list(answer["requests"])

    def record(self) -> None:
        self.control("POST", "requests")

    def read(self, path: str, fmt: str = "SOURCE") -> bytes:
        with self.sdk.workspace.download(path, format=ExportFormat(fmt)) as stream:
            return stream.read()

    def write(self, path: str, content: bytes, fmt: str = "AUTO", language: str = "") -> None:
        self.sdk.workspace.upload(
            path,
            content,
            format=ImportFormat(fmt),
            language=Language(language) if language else None,
            overwrite=True,
        )


@dataclass(frozen=True)
class Clone:
    """One person's checkout, in step with one folder of the workspace."""

    folder: Path
    pair: Pair

    def push(self, *, overwrite: bool = False) -> Report:
        return push(self.pair, overwrite=overwrite)

    def pull(self) -> Report:
        return pull(self.pair)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, check=True)
        return done.stdout.decode()

    def commit(self, message: str = "Work") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def status(self) -> str:
        return self.git("status", "--porcelain")

    def write(self, path: str, content: bytes) -> Path:
        file = self.folder / "notebooks" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def read(self, path: str) -> bytes:
        return (self.folder / "notebooks" / path).read_bytes()


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """One embedded workspace for every history."""
    with acquire(tmp_path_factory.mktemp("served") / ".mlops" / "local-workspace") as lease:
        sdk = WorkspaceClient(host=lease.host, token=lease.token)
        http = HttpClient(lease.host, lambda: {"Authorization": f"Bearer {lease.token}"}, workers=4)
        http.get("preview/scim/v2/Me")
        yield Remote(lease, sdk, http)
        http.close()


@pytest.fixture
def healthy(remote: Remote) -> Iterator[Remote]:
    """The workspace without faults, before and after."""
    remote.heal()
    yield remote
    remote.heal()
    remote.generation("kept")


MakeClone = Callable[..., Clone]


@pytest.fixture
def make_clone(remote: Remote) -> MakeClone:
    """Make a checkout in a folder; two with one target are two clones of one branch."""

    def make(
        folder: Path,
        target: str = "",
        origin: Clone | None = None,
        http: HttpClient | None = None,
    ) -> Clone:
        if origin is None:
            folder.mkdir(parents=True)
            subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
        else:
            cloning = ["git", "clone", "--quiet", str(origin.folder), str(folder)]
            subprocess.run(cloning, check=True)
        user = remote.lease.user
        at = WorkspacePath(target or f"/Users/{user}/{uuid4().hex}")
        files = WorkspaceFiles(http or remote.http)
        return Clone(folder, Pair(files, at, folder, "notebooks", "test-workspace"))

    return make


@pytest.fixture
def there(clone: Clone, healthy: Remote) -> Callable[..., None]:
    """Changes an object of the clone's workspace folder as its browser would."""

    def change(path: str, content: bytes, fmt: str = "SOURCE", language: str = "PYTHON") -> None:
        target = f"{clone.pair.target}/{path}"
        if "/" in path:
            healthy.sdk.workspace.mkdirs(target.rpartition("/")[0])
        healthy.write(target, content, fmt, language)

    return change
