"""Use the embedded workspace of a data folder, and start its server if nobody has.

Imported by every script that runs on `DATABRICKS_HOST=local`, so nothing slow in here.
"""

from __future__ import annotations

import hmac
import http.client
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from mlops_core.errors import MlopsError
from mlops_core.local_workspace import data_folder as folders

_ANSWER_WITHIN = 10.0
_START_WITHIN = 60.0
_END_WITHIN = 60.0
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Lease:
    """An embedded workspace that stays until the lease is given back.

    ``web_url`` logs one browser in, once.
    """

    host: str
    token: str
    user: str
    web_url: str


@contextmanager
def acquire(data_folder: Path, notify: Callable[[str], None] | None = None) -> Iterator[Lease]:
    """The workspace in ``data_folder``, for as long as the block lasts.

    Joins the server that serves the folder, or starts one. Leaving the block as the last holder
    waits until server and runs have ended. Raises MlopsError when no server can be had.
    """
    folder = data_folder.resolve()
    folders.prepare(folder)
    held, child = _take(folder, notify or (lambda _: None))
    try:
        yield held.lease
    finally:
        has_ended = held.give_back()
        _see_off(folder, child, has_ended)


@dataclass(frozen=True, slots=True)
class _Held:
    lease: Lease
    connection: http.client.HTTPConnection
    answer: http.client.HTTPResponse

    def give_back(self) -> bool:
        """End the request's body, and with it the lease; whether that ended the server.

        The answer ends properly if others hold a lease, and breaks off with the process if not.
        """
        try:
            if self.connection.sock:
                self.connection.sock.settimeout(_END_WITHIN)
                self.connection.sock.sendall(b"0\r\n\r\n")
            self.answer.read()
        except (OSError, http.client.HTTPException):
            return True
        else:
            return False
        finally:
            self.connection.close()


def _take(
    folder: Path, notify: Callable[[str], None]
) -> tuple[_Held, subprocess.Popen[bytes] | None]:
    with _starting(folder, notify):
        held = _join(folder)
        if held:
            return held, None
        notify("starting the embedded workspace")
        child = _spawn(folder)
        try:
            _read_greeting(child, folder)
            held = _join(folder)
            if held is None:
                raise _no_start(folder, "it does not answer")
        except BaseException:
            _let_go(child)
            child.wait(_END_WITHIN)
            raise
        _let_go(child)
        return held, child


@contextmanager
def _starting(folder: Path, notify: Callable[[str], None]) -> Iterator[None]:
    lock = FileLock(folder / folders.STARTING_LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        notify("waiting for another script that starts the embedded workspace")
        try:
            lock.acquire(timeout=_START_WITHIN)
        except Timeout:
            raise _no_start(folder, "another script has not finished starting it") from None
    try:
        yield
    finally:
        lock.release()


def _join(folder: Path) -> _Held | None:
    server, token = folders.read_server(folder), folders.read_token(folder)
    if server is None or token is None:
        return None
    try:
        if not _is_proved(server.port, token):
            return None
        return _lease(server.port, token)
    except (OSError, http.client.HTTPException, ValueError):
        return None  # nobody, somebody else, or a server that is just ending


def _is_proved(port: int, token: str) -> bool:
    """Whether the folder's own server answers there; our token is not shown for that."""
    nonce = secrets.token_hex(16)
    connection = http.client.HTTPConnection(_LOOPBACK, port, timeout=_ANSWER_WITHIN)
    try:
        connection.request("GET", f"{folders.DISCOVERY}?nonce={nonce}")
        answer = json.loads(connection.getresponse().read(10_000))
    finally:
        connection.close()
    given = answer.get("proof") if isinstance(answer, dict) else None
    return hmac.compare_digest(str(given), folders.proof(token, nonce, port))


def _lease(port: int, token: str) -> _Held | None:
    connection = http.client.HTTPConnection(_LOOPBACK, port, timeout=_ANSWER_WITHIN)
    try:
        connection.putrequest("POST", folders.LEASE)
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        answer = connection.getresponse()
        if answer.status != 200:
            connection.close()
            return None
        told = json.loads(answer.readline())
    except BaseException:
        connection.close()
        raise
    lease = Lease(f"http://{_LOOPBACK}:{port}", token, str(told["user"]), str(told["web_url"]))
    return _Held(lease, connection, answer)


def _spawn(folder: Path) -> subprocess.Popen[bytes]:
    package_parent = Path(__file__).resolve().parents[2]
    arguments = [sys.executable, "-m", __package__, "--leased", "--data", str(folder)]
    with (folder / folders.LOG).open("wb") as log:
        # a group of its own: Ctrl-C in the terminal is the script's, which then gives back
        return subprocess.Popen(
            arguments,
            cwd=package_parent,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )


def _environment() -> dict[str, str]:
    """Ours, without the settings of the script that happens to come first."""
    settings = ("DATABRICKS_", "MLFLOW_", "MLOPS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(settings)}


def _read_greeting(child: subprocess.Popen[bytes], folder: Path) -> None:
    line = child.stdout.readline() if child.stdout else b""
    if not line:
        raise _no_start(folder, "its process has ended")
    told = json.loads(line)
    if "error" in told:
        raise MlopsError(told["error"], hint=told["hint"])


def _let_go(child: subprocess.Popen[bytes]) -> None:
    """Close our ends: from now on leases alone keep the server."""
    for pipe in (child.stdin, child.stdout):
        if pipe:
            pipe.close()


def _see_off(folder: Path, child: subprocess.Popen[bytes] | None, has_ended: bool) -> None:
    """Wait for the process of a server that ends; leave one that others use alone."""
    if child is not None and not has_ended:
        child.returncode = 0  # it outlives us on purpose: no warning about that
    elif child is not None:
        child.wait(_END_WITHIN)
    elif has_ended:
        with suppress(Timeout), FileLock(folder / folders.SERVING_LOCK, timeout=_ANSWER_WITHIN):
            pass


def _no_start(folder: Path, reason: str) -> MlopsError:
    return MlopsError(
        f"the embedded workspace in {folder} did not start: {reason}",
        hint=f"read {folder / folders.LOG}, then try again",
    )
