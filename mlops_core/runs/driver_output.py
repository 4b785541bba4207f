"""What a project prints, for whoever watches: part of the driver file, beside which it lies.

Imports nothing but the standard library, and compiles on Python 3.9.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

FLUSH_SECONDS = 2.0
PART_LIMIT = 4 * 1024 * 1024  # an export of 10 MiB or more is refused
KEPT_LIMIT = 64 * 1024 * 1024
DRAIN_SECONDS = 0.5
LINE_LIMIT = 64 * 1024


def part_name(number: int) -> str:
    """The file of a part, from 1; no folder gets so large that listing it takes long."""
    return f"{(number - 1) // 500:04}/{number:06}.txt"


class Output:
    """Keeps what the project prints, and puts it into numbered files that a watcher can read.

    Each file is one line of JSON (``bytes``, and in the last one ``is_last`` and ``error``) and
    then the text; ``bytes`` tells a reader that comes too early to look again.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None
        self._parts = 0
        self._pending: list[str] = []
        self._kept: list[str] = []
        self._size = 0
        self._lock = threading.Lock()
        self._has_more = threading.Event()
        self._is_over = threading.Event()
        self._writer = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Begin to write files: the first at once, later ones not more often than every 2 s."""
        self._writer.start()

    def add(self, text: str) -> None:
        """Take ``text`` in; never waits for a file."""
        self.keep(text)
        with self._lock:
            self._pending.append(text)
        self._has_more.set()

    def keep(self, text: str) -> None:
        """Take ``text`` in for the artifact alone."""
        with self._lock:
            if self._size < KEPT_LIMIT:
                self._kept.append(text)
            self._size += len(text)

    def text(self) -> str:
        """Everything so far, up to a limit."""
        with self._lock:
            return "".join(self._kept)

    def close(self, error: dict[str, str] | None) -> None:
        """Write the rest, and say that it was the last."""
        self._is_over.set()
        self._has_more.set()
        self._writer.join()
        self._flush({"is_last": True, "error": error})

    def _follow(self) -> None:
        while not self._is_over.is_set():
            self._has_more.wait()
            self._has_more.clear()
            self._flush({})
            self._is_over.wait(FLUSH_SECONDS)

    def _flush(self, last: dict[str, object]) -> None:
        with self._lock:
            content = "".join(self._pending).encode("utf-8", "replace")
            self._pending = []
        while len(content) > PART_LIMIT:
            self._write({}, content[:PART_LIMIT])
            content = content[PART_LIMIT:]
        if content or last:
            self._write(last, content)

    def _write(self, header: dict[str, object], content: bytes) -> None:
        if self._folder is None:
            return
        self._parts += 1
        head = json.dumps({"bytes": len(content), **header}).encode("ascii")
        try:
            file = self._folder / part_name(self._parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(head + b"\n" + content)
        except OSError as problem:
            self._folder = None
            sys.stderr.write(f"output cannot be followed live, it comes at the end: {problem}\n")


class Lines:
    """Hands text on in whole lines, so that those of several writers do not get mixed up."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rest = ""
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        """Hand on what is complete with ``text``; a bar that returns to its start is, too."""
        with self._lock:
            self._rest += text
            end = max(self._rest.rfind("\n"), self._rest.rfind("\r")) + 1
            self._hand_on(len(self._rest) if len(self._rest) - end > LINE_LIMIT else end)

    def flush(self) -> None:
        """Hand on what there is."""
        with self._lock:
            self._hand_on(len(self._rest))

    def _hand_on(self, end: int) -> None:
        if end:
            self._output.add(self._rest[:end])
            self._rest = self._rest[end:]


class Tee:
    """A text stream that also hands everything to an Output."""

    def __init__(self, stream: TextIO, output: Output) -> None:
        self._stream = stream
        self._lines = Lines(output)

    def write(self, text: str) -> int:
        """Write ``text`` to both."""
        self._lines.add(text)
        self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Show what there is, also of a line that goes on."""
        self._lines.flush()
        self._stream.flush()

    def writelines(self, lines: list[str]) -> None:
        """Write each of ``lines`` to both."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextlib.contextmanager
def followed(output: Output) -> Iterator[None]:
    """Hand to ``output`` whatever this process and its children print, for as long as it lasts."""
    kept = sys.stdout, sys.stderr
    tees = [Tee(_apart(stream), output) for stream in kept]
    sys.stdout, sys.stderr = (cast(TextIO, tee) for tee in tees)
    try:
        with _captured_descriptors(output):
            yield
    finally:
        sys.stdout, sys.stderr = kept
        for tee in tees:
            with contextlib.suppress(OSError, ValueError):  # the project may have closed it
                tee.flush()


@contextlib.contextmanager
def _captured_descriptors(output: Output) -> Iterator[None]:
    """Hand over what child processes and libraries write past Python, and pass it on.

    Such output goes straight to the descriptors 1 and 2: one pipe takes both, in their order.
    Python's own streams have descriptors of their own meanwhile, so nothing is told twice.
    """
    kept = [(number, os.dup(number)) for number in (1, 2)]
    source, sink = os.pipe()
    for number, _ in kept:
        os.dup2(sink, number)
    os.close(sink)
    pump = threading.Thread(target=_pump, args=(source, kept[0][1], output), daemon=True)
    pump.start()
    try:
        yield
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
        pump.join(DRAIN_SECONDS)  # a child that outlives the run may hold the pipe open


def _pump(source: int, target: int, output: Output) -> None:
    decoder, lines = codecs.getincrementaldecoder("utf-8")("replace"), Lines(output)
    while block := os.read(source, 65536):
        os.write(target, block)
        lines.add(decoder.decode(block))
    lines.flush()


def _apart(stream: TextIO) -> TextIO:
    """``stream`` itself, or the same on a descriptor of its own if it writes to 1 or 2."""
    try:
        number = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return stream
    if number not in (1, 2):
        return stream
    raw = io.FileIO(os.dup(number), "w")
    encoding = stream.encoding or "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=True
    )
