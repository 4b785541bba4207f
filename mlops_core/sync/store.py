"""Contents by their SHA-256, so that a merge has its ancestor and an old version stays."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

KEPT_SECONDS: Final = 30 * 24 * 3600
_BLOCK: Final = 1024 * 1024
_SCRATCH: Final = "new"
_SCRATCH_SECONDS: Final = 24 * 3600  # no run of now has written to it for so long


@dataclass(frozen=True, slots=True)
class Store:
    """A folder with one file per content, named after its SHA-256."""

    folder: Path

    def put(self, content: bytes) -> str:
        """Keep ``content`` and give its SHA-256."""
        name = hashlib.sha256(content).hexdigest()
        if self.read(name) is None:  # not here, or damaged by a power cut
            with self.scratch() as scratch:
                scratch.write_bytes(content)
                self._keep(scratch, name)
        self.touch([name])
        return name

    def adopt(self, file: Path) -> str:
        """Keep a file made under a :meth:`scratch` name; it is gone from there afterwards."""
        name = sha256_of(file)
        self._keep(file, name)
        return name

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """The name for a temporary file or folder, on the same file system; then it is gone."""
        folder = self.folder / _SCRATCH
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / uuid4().hex
        try:
            yield path
        finally:
            _remove(path)

    def path(self, name: str) -> Path:
        """Where the content lies, if it does."""
        return self.folder / name[:2] / name[2:]

    def read(self, name: str) -> bytes | None:
        """The content, or None if it is not here or no longer what it was."""
        try:
            content = self.path(name).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == name else None

    def touch(self, names: Iterable[str]) -> None:
        """Begin the thirty days of contents anew."""
        for name in names:
            if self.path(name).exists():
                os.utime(self.path(name))

    def prune(self, needed: frozenset[str], now: float | None = None) -> None:
        """Remove what nobody needs and nobody used for thirty days, and what killed runs left."""
        moment = time.time() if now is None else now
        for file in self.folder.glob("??/*"):
            name = file.parent.name + file.name
            if name not in needed and file.stat().st_mtime < moment - KEPT_SECONDS:
                file.unlink(missing_ok=True)
        for left in (self.folder / _SCRATCH).glob("*"):
            if left.stat().st_mtime < moment - _SCRATCH_SECONDS:
                _remove(left)

    def _keep(self, scratch: Path, name: str) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file of any size."""
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
