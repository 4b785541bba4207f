"""The server process: one for each data folder, until Ctrl-C or until its last lease ends."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from filelock import FileLock, Timeout
from uvicorn.protocols.http.h11_impl import H11Protocol

from mlops_core.errors import MlopsError
from mlops_core.local_workspace import data_folder as folders
from mlops_core.local_workspace.application import create_app, open_services
from mlops_core.local_workspace.dated import Dated
from mlops_core.local_workspace.faults import FaultLayer
from mlops_core.local_workspace.jobs_part import open_jobs
from mlops_core.local_workspace.leases import LeaseLayer, Leases
from mlops_core.local_workspace.mlflow_mount import MlflowMount
from mlops_core.local_workspace.security import Gate
from mlops_core.local_workspace.services import Services

_LOOPBACK = "127.0.0.1"
_WAIT_FOR_FORMER = 20.0


@dataclass(frozen=True, slots=True)
class Site:
    """Where a server answers, told as soon as it does."""

    host: str
    token: str
    web_url: str


class AbortableProtocol(H11Protocol):
    """Gives each request the means to break its connection, for faults."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort": transport.abort}


class WorkspaceServer(uvicorn.Server):
    """uvicorn that ends in order: first the runs, then the server, then the process."""

    def __init__(
        self, config: uvicorn.Config, *, on_ready: Callable[[], None], shut_down: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._shut_down = shut_down
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._on_ready()

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn's own loop would look for it ten times a second."""
        while not self._over.is_set():
            await self.on_tick(0)  # renews the Date header
            try:
                await asyncio.wait_for(self._over.wait(), 1.0)
            except asyncio.TimeoutError:
                continue

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C or a termination signal."""
        self.call_soon(self.end)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call ``function`` in the server's loop, from a thread or a signal handler."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def end(self) -> None:
        """End the runs, then the server. A second call changes nothing."""
        if not self._ending:
            self._ending = asyncio.get_running_loop().create_task(self._end_in_order())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop answering. Leases stay open until the process ends: their holders wait for that."""
        for server in self.servers:
            server.close()
        # what it would report now is only that connections break
        logging.getLogger("uvicorn.error").disabled = True

    async def _end_in_order(self) -> None:
        try:
            await asyncio.to_thread(self._shut_down)
        finally:
            self._over.set()


def serve(
    folder: Path,
    *,
    port: int | None,
    is_leased: bool,
    switches: Mapping[str, str],
    announce: Callable[[Site], None],
) -> None:
    """Serve a data folder until the end; for the rest of this process nobody else can.

    ``port`` of None means the kept one, or any. A leased server ends with its last lease; its
    starter holds one by keeping our standard input open, so the server cannot be left over.
    Raises MlopsError if another process serves the folder, or the port that was asked for is
    taken.
    """
    folders.prepare(folder)
    _be_the_only_server(folder, _WAIT_FOR_FORMER if is_leased else 0.0)
    with _listen(folder, port) as listener:
        number = int(listener.getsockname()[1])
        token = folders.make_token(folder)
        with open_services(folder, lambda: (f"http://{_LOOPBACK}:{number}", token)) as services:
            for name, position in switches.items():
                services.switches.set(name, position)
            _serve(services, listener, is_leased=is_leased, announce=announce)


def _serve(
    services: Services,
    listener: socket.socket,
    *,
    is_leased: bool,
    announce: Callable[[Site], None],
) -> None:
    host, token = services.address()
    port = int(listener.getsockname()[1])
    jobs = open_jobs(services)

    def describe() -> dict[str, str]:
        return {"user": services.user, "web_url": gate.one_time_link()}

    def tell() -> None:
        server_file = folders.ServerFile(port, os.getpid(), services.workspace_id)
        folders.write_server(services.data_folder, server_file)
        leases.take()  # the starter's; of a server that is not leased, its own
        if is_leased:
            _call_at_end_of_input(lambda: server.call_soon(leases.release))
        announce(Site(host, token, gate.one_time_link()))
        jobs.scheduler.start()

    leases = Leases(lambda: server.end())
    routes = MlflowMount(create_app(services, jobs), services)
    jobs.engine.on_start.append(routes.warm)
    layers = LeaseLayer(FaultLayer(routes, services.faults), leases, describe)
    gate = Gate(layers, token=token, workspace_id=services.workspace_id, port=port)
    server = WorkspaceServer(_config(gate), on_ready=tell, shut_down=jobs.shutdown)
    asyncio.run(server.serve(sockets=[listener]))


def _config(app: Gate) -> uvicorn.Config:
    return uvicorn.Config(
        Dated(app),
        http=AbortableProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )


def _be_the_only_server(folder: Path, timeout: float) -> None:
    lock = FileLock(folder / folders.SERVING_LOCK, is_singleton=True)
    try:
        lock.acquire(timeout=timeout, poll_interval=0.02)
    except Timeout:
        other = folders.read_server(folder)
        who = f"process {other.pid}, http://{_LOOPBACK}:{other.port}" if other else "a process"
        raise MlopsError(
            f"{folder} is already served by {who}",
            hint="wait until the scripts that use it end, or give another folder with --data",
        ) from None
    # kept to the end of the process: who waits for the lock waits for that
    atexit.register(lock.release)


def _listen(folder: Path, port: int | None) -> socket.socket:
    kept = folders.read_server(folder)
    for candidate in (port,) if port is not None else (kept.port if kept else 0, 0):
        # named, so that asyncio switches off its delays: an answer is two packets
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_LOOPBACK, candidate))
            listener.listen(512)
        except (OSError, OverflowError):
            listener.close()
        else:
            return listener
    raise MlopsError(
        f"port {port} of this machine is taken", hint="give another one with --port, or none"
    )


def _call_at_end_of_input(function: Callable[[], None]) -> None:
    def wait() -> None:
        # os.read: a thread inside sys.stdin would stop the interpreter from ending
        while os.read(0, 64):
            pass
        function()

    threading.Thread(target=wait, daemon=True, name="starter").start()
