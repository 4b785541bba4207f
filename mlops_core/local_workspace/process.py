"""Driver processes: each in a group of its own, which ends as one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GRACE = 3.0
"""Seconds between the polite signal of a cancel and the one that cannot be ignored."""


@dataclass(slots=True)
class Driver:
    """A running driver process; its standard input is the leash that ends it with the server.

    The child reads that pipe (runner.py) and ends its own group when it closes, so that a
    server that is killed leaves nothing behind.
    """

    process: subprocess.Popen[bytes]
    _killer: threading.Timer | None = field(default=None, init=False)

    def wait(self) -> int:
        """The exit status, once the process and everything else in its group has ended."""
        _wait_unreaped(self.process)
        _kill_group(self.process.pid)
        status = self.process.wait()
        if self._killer:
            self._killer.cancel()
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        return status

    def cancel(self) -> None:
        """Ask the whole group to end, and make it end when it has not after GRACE seconds."""
        if self.process.returncode is not None or self._killer is not None:
            return
        self._killer = threading.Timer(GRACE, self.kill)
        self._killer.daemon = True
        self._killer.start()
        _terminate_group(self.process.pid)

    def kill(self) -> None:
        """End the whole group at once."""
        if self.process.returncode is None:
            _kill_group(self.process.pid)


def start_driver(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, output: Path
) -> Driver:
    """Start ``command`` in ``folder`` with just ``environment``; both streams go to ``output``."""
    with output.open("ab") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=_CREATION_FLAGS,
        )
    return Driver(process)


if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP

    def _wait_unreaped(process: subprocess.Popen[bytes]) -> None:
        process.wait()

    def _terminate_group(pid: int) -> None:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.CTRL_BREAK_EVENT)

    def _kill_group(pid: int) -> None:
        subprocess.run(
            ["taskkill", "/T", "/F", "/PID", str(pid)],
            check=False,
            capture_output=True,
        )

else:
    _CREATION_FLAGS = 0

    def _wait_unreaped(process: subprocess.Popen[bytes]) -> None:
        # Until it is reaped its number cannot be given to another process, so killing the
        # group by that number is safe. macOS has waitid from Python 3.13 on.
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()

    def _terminate_group(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGTERM)

    def _kill_group(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
