"""A child process whose output is read as it comes, and that ends with all of its own children."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_PATIENCE = 10.0


class Child:
    """A running command, in a process group of its own."""

    def __init__(self, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # no effect on Windows, where taskkill finds the children
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll()

    def new_lines(self) -> tuple[str, ...]:
        """What it printed since the last call, whole lines."""
        if self.code is not None:
            self._reader.join(_PATIENCE)
        lines = []
        while not self._lines.empty():
            lines.append(self._lines.get())
        return tuple(lines)

    def stop(self) -> None:
        """End it and whatever it started; asks first, then insists."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._signal(None)
            self._process.wait()

    def _signal(self, number: int | None) -> None:
        if sys.platform == "win32":
            force = ["/F"] if number is None else []
            tree = ["taskkill", "/T", *force, "/PID", str(self._process.pid)]
            subprocess.run(tree, capture_output=True, check=False)
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL if number is None else number)
        except ProcessLookupError:
            return

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in self._process.stdout:
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self._lines.put(text.rpartition("\r")[2])
