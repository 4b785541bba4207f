"""git as a program: one run of it, and paths on the way in and out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_MANY: Final = 100


def ask_git(
    folder: Path, *arguments: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """One run of git in ``folder``, whatever comes of it; FileNotFoundError without git."""
    command = ["git", "-c", "core.quotepath=off", *arguments]
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    return subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, env=environment, check=False
    )


def as_arguments(paths: Sequence[str]) -> list[str]:
    """``paths`` to end a command with; for many, the whole folder: command lines have an end."""
    return [f":(literal){path}" for path in paths] if len(paths) <= _MANY else ["."]


def joined(paths: Iterable[str]) -> bytes:
    """What `-z --stdin` reads."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def split(answer: bytes) -> list[str]:
    """What `-z` prints."""
    return [os.fsdecode(part) for part in answer.split(b"\0") if part]
