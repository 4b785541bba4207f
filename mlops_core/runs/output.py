"""Reads what the driver file writes: numbered files, each with a line about itself first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from mlops_core.errors import NotFound
from mlops_core.paths import WorkspacePath, join, parent
from mlops_core.runs.driver_output import part_name
from mlops_core.workspace.files import WorkspaceFiles


@dataclass(frozen=True, slots=True)
class Part:
    """One file's content; ``error`` and ``trace`` only in the last one of a failed run."""

    text: str
    is_last: bool = False
    error: str = ""
    trace: str = ""


class OutputReader:
    """Follows the output of one run; remembers how far it has come."""

    def __init__(self, files: WorkspaceFiles, folder: WorkspacePath) -> None:
        self._files = files
        self._folder = folder
        self._read = 0
        self.is_over = False

    @property
    def has_begun(self) -> bool:
        """Whether any file came."""
        return self._read > 0

    def new_parts(self) -> Iterator[Part]:
        """Everything that came since the last call, in order."""
        while not self.is_over:
            waiting = self._waiting()
            if not waiting:
                return
            for path in waiting:
                part = parse_part(self._files.read(path, "RAW"))
                if part is None:  # still being written
                    return
                self._read += 1
                self.is_over = part.is_last
                yield part

    def _waiting(self) -> list[WorkspacePath]:
        folder = parent(self._path(self._read + 1))
        try:
            found = {info.path for info in self._files.list(folder)}
        except NotFound:
            return []
        waiting: list[WorkspacePath] = []
        while (wanted := self._path(self._read + len(waiting) + 1)) in found:
            waiting.append(wanted)
        return waiting

    def _path(self, number: int) -> WorkspacePath:
        return join(self._folder, part_name(number))


def parse_part(content: bytes) -> Part | None:
    """Decode a file of the driver, or None if it is not complete. Pure."""
    head, newline, text = content.partition(b"\n")
    if not newline:
        return None
    header = json.loads(head)
    if len(text) < header["bytes"]:
        return None
    error = header.get("error") or {}
    return Part(
        text.decode("utf-8", "replace"),
        is_last=bool(header.get("is_last")),
        error=error.get("message", ""),
        trace=error.get("trace", ""),
    )
