"""What `bench_sync` measures beside ours, each as a process of its own: peers of the same work.

`python sync_peers.py PEER push|unchanged|changed|pull FOLDER TARGET`, with DATABRICKS_HOST and
DATABRICKS_TOKEN set. `bare` is the lower bound: no checks, no state, twenty connections.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

WORKERS = 20
BOUNDARY = "bench-boundary"


def notebooks(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


def folders(names: Iterable[str]) -> list[str]:
    return sorted({name.rpartition("/")[0] for name in names})


# -- databricks-cli 0.18 drops the port from its URL: its own line, mended, then its own command


def run_cli(phase: str, folder: Path, target: str) -> None:
    from databricks_cli.sdk import api_client

    original = api_client.ApiClient.__init__

    def mended(self: api_client.ApiClient, *args: object, host: str = "", **more: object) -> None:
        original(self, *args, host=host, **more)
        self.url = f"{host.rstrip('/')}/api/"

    api_client.ApiClient.__init__ = mended
    from databricks_cli.cli import cli

    if phase == "pull":
        command = ["export_dir", target, str(folder)]
    else:
        command = ["import_dir", str(folder), target, *([] if phase == "push" else ["-o"])]
    sys.argv = ["databricks", "workspace", *command]
    cli()


# -- databricks-sdk, as its documentation shows it, one by one or in twenty threads


def run_sdk(phase: str, folder: Path, target: str, workers: int = 1) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.workspace import ExportFormat, ImportFormat

    client = WorkspaceClient()

    def send(name: str) -> None:
        content = (folder / name).read_bytes()
        path = f"{target}/{name}"
        client.workspace.upload(path, content, format=ImportFormat.AUTO, overwrite=True)

    def fetch(path: str) -> None:
        local = folder / (path.removeprefix(target + "/") + ".py")
        local.parent.mkdir(parents=True, exist_ok=True)
        with client.workspace.download(path, format=ExportFormat.SOURCE) as content:
            local.write_bytes(content.read())

    def each(function: Callable[[str], object], items: list[str]) -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(function, items))

    if phase == "pull":
        found = client.workspace.list(target, recursive=True)
        each(fetch, [one.path for one in found if one.path])
    else:
        names = notebooks(folder)
        each(lambda name: client.workspace.mkdirs(f"{target}/{name}"), folders(names))
        each(send, names)


# -- the lower bound


async def ask(requests: list[tuple[str, str, bytes]]) -> list[bytes]:
    """Send requests over twenty kept-alive connections; the bodies, in order."""
    host = urlsplit(os.environ["DATABRICKS_HOST"])
    bodies: list[bytes] = [b""] * len(requests)
    waiting = iter(enumerate(requests))

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        for position, (method, path, body) in waiting:
            multipart = body.startswith(b"--")
            kind = f"multipart/form-data; boundary={BOUNDARY}" if multipart else "application/json"
            writer.write(
                f"{method} /api/2.0/workspace/{path} HTTP/1.1\r\nHost: {host.netloc}\r\n"
                f"Authorization: Bearer {os.environ['DATABRICKS_TOKEN']}\r\n"
                f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.partition(b"\r\n")[0], head
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
            bodies[position] = await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(work() for _ in range(min(WORKERS, len(requests)))))
    return bodies


def form(path: str, content: bytes) -> bytes:
    fields = {"path": path, "format": "AUTO", "overwrite": "true"}
    head = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="c"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


async def list_all(target: str) -> list[str]:
    level, found = [target], []
    while level:
        asked: list[tuple[str, str, bytes]] = [
            ("GET", f"list?path={quote(path, safe='')}", b"") for path in level
        ]
        objects = [one for body in await ask(asked) for one in json.loads(body).get("objects", [])]
        level = [one["path"] for one in objects if one["object_type"] == "DIRECTORY"]
        found += [one["path"] for one in objects if one["object_type"] == "NOTEBOOK"]
    return found


async def run_bare(phase: str, folder: Path, target: str) -> None:
    names = notebooks(folder)
    if phase == "push":
        made = [
            ("POST", "mkdirs", json.dumps({"path": f"{target}/{f}"}).encode())
            for f in folders(names)
        ]
        await ask(made)
    else:
        paths = await list_all(target)
    if phase == "unchanged":
        return
    if phase == "pull":
        asked = [
            ("GET", f"export?path={quote(path, safe='')}&direct_download=true", b"")
            for path in paths
        ]
        for path, body in zip(paths, await ask(asked), strict=True):
            local = folder / (path.removeprefix(target + "/") + ".py")
            local.parent.mkdir(parents=True, exist_ok=True)
            local.write_bytes(body)
        return
    names = names[: max(len(names) // 100, 1)] if phase == "changed" else names
    await ask([("POST", "import", form(f"{target}/{n}", (folder / n).read_bytes())) for n in names])


def main() -> None:
    peer, phase, folder, target = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    if peer == "cli":
        run_cli(phase, folder, target)
    elif peer == "bare":
        asyncio.run(run_bare(phase, folder, target))
    else:
        run_sdk(phase, folder, target, WORKERS if peer == "sdk20" else 1)


if __name__ == "__main__":
    main()
