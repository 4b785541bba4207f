"""A project that lies in a git repository elsewhere: cloned for as long as it is needed."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_core.errors import ProjectError
from mlops_core.terminal import quoted

_REMOTE = re.compile(r"((https?|ssh|git|file)://|git@)", re.IGNORECASE)


def is_remote(project: str) -> bool:
    """Whether ``project`` names a git repository rather than a folder. Pure."""
    return _REMOTE.match(project) is not None


@contextmanager
def cloned(project: str) -> Iterator[Path]:
    """The folder of a project given as `URI` or `URI#folder/in/it`; ProjectError if git cannot.

    Who may read it is git's affair: its credential helpers are used, and it never asks.
    """
    uri, _, inside = project.partition("#")
    name = re.sub(r"\.git/?$", "", uri).rstrip("/").rpartition("/")[2] or "project"
    with tempfile.TemporaryDirectory(prefix="mlops-") as temporary:
        target = Path(temporary).resolve() / name
        command = ["git", "clone", "--quiet", "--depth", "1", "--", uri, str(target)]
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no reason given"]
            raise ProjectError(
                f"{uri} cannot be cloned: {said[-1]}",
                hint=f"try it by hand: git clone {quoted(uri)}",
            )
        folder = (target / inside).resolve()
        if not folder.is_relative_to(target) or not folder.is_dir():
            raise ProjectError(
                f"{uri} has no folder {inside}", hint="name one that it has after the #"
            )
        yield folder
