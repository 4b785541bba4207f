"""One embedded workspace for all contract tests, and a folder of its own for each."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest

from mlops_core.local_workspace.lease import Lease, acquire

# databricks-cli 0.18 drops the port from its URL: its own line, mended, then its own main
_MENDED_CLI = """
import sys
from urllib.parse import urlsplit
from databricks_cli.sdk import api_client
original = api_client.ApiClient.__init__
def init(self, *args, host=None, **options):
    original(self, *args, host=host, **options)
    self.url = f"{host.rstrip('/')}/api/"
api_client.ApiClient.__init__ = init
from databricks_cli.cli import cli
sys.argv[0] = "databricks"
cli()
"""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.content)


@dataclass
class Site:
    """A workspace over plain HTTP, judged by no client."""

    host: str
    token: str
    data_folder: Path
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, url: str, body: object = None, /, headers=None, **query) -> Answer:
        parts = urlsplit(self.host)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        target = url + (f"?{urlencode(query)}" if query else "")
        sent = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body)
        try:
            connection.request(method, target, raw, sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="session")
def local_lease(tmp_path_factory) -> Iterator[tuple[Lease, Path]]:
    folder = tmp_path_factory.mktemp("project") / ".mlops" / "local-workspace"
    with acquire(folder) as lease:
        yield lease, folder


@pytest.fixture
def site(local_lease) -> Iterator[Site]:
    """The workspace, without faults and with its switches as they are at first."""
    lease, folder = local_lease
    site = Site(lease.host, lease.token, folder)
    yield site
    assert site.ask("DELETE", "/local/faults").status == 200
    positions = {"content": "kept", "policy": "off", "quota": "off"}
    assert site.ask("PUT", "/local/switches", positions).status == 200


@pytest.fixture
def home(site) -> str:
    """A fresh folder of the workspace."""
    path = f"/Users/you@local/{uuid4().hex[:8]}"
    assert site.ask("POST", "/api/2.0/workspace/mkdirs", {"path": path}).status == 200
    return path


@pytest.fixture
def sdk(site):
    """databricks-sdk, logged in."""
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=site.host, token=site.token)


@pytest.fixture
def databricks(site):
    """The `databricks` command of databricks-cli."""

    def run(*arguments: object) -> str:
        environment = {
            **os.environ,
            "DATABRICKS_HOST": site.host,
            "DATABRICKS_TOKEN": site.token,
        }
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _MENDED_CLI, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
