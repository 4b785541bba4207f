"""The environment and `.env` in one mapping, and where the project is."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dotenv

from mlops_core.errors import SettingsError

_UNEXPANDED = re.compile(r"\$\([^()]*\)")  # a pipeline's variable that does not exist


@dataclass(frozen=True, slots=True)
class Environment:
    """``values`` that are set, and the `.env`, whose ``file`` may be missing.

    ``outer`` are the names whose values come from the environment, whatever ``file`` says.
    """

    values: Mapping[str, str] = field(repr=False)
    file: Path
    project_folder: Path
    is_user_in_file: bool
    outer: frozenset[str]

    def place(self, names: Iterable[str]) -> str:
        """What to do, in words, to give ``names`` other values than they have."""
        outside = [name for name in names if name in self.outer]
        inside = [name for name in names if name not in self.outer]
        file = f"{self.file}{'' if self.file.is_file() else ' (start from env.sample)'}"
        steps = [f"put that into {file}"] if inside else []
        if outside:
            steps.append(f"change {', '.join(outside)} in the environment, which beats .env")
        return "; ".join(steps)


def read_environment(environ: Mapping[str, str] | None, folder: Path | None) -> Environment:
    """Read ``environ`` (the process's by default) over the `.env` that belongs to ``folder``.

    The `.env` is the project folder's, else that of ``folder``, the current one by default. An
    empty variable and an unexpanded `$(NAME)` count as unset. USER alone is taken from `.env`
    first, since every shell sets it to the login name.
    """
    folder = (folder or Path.cwd()).absolute()
    outer = _set(os.environ if environ is None else environ)
    root = folder / outer["PROJECT_FOLDER"] if "PROJECT_FOLDER" in outer else _git_root(folder)
    candidates = [place / ".env" for place in (root, folder)]
    file = next((env for env in candidates if env.is_file()), candidates[0])
    inner = _read_file(file)
    values = {**inner, **outer}
    login = inner.get("USER") or outer.get("USER") or outer.get("USERNAME")
    if login:
        values["USER"] = login
    if "PROJECT_FOLDER" in inner and "PROJECT_FOLDER" not in outer:
        root = file.parent / inner["PROJECT_FOLDER"]
    is_user_in_file = "USER" in inner
    beating = frozenset(outer) - ({"USER"} if is_user_in_file else set())
    return Environment(values, file, root, is_user_in_file, beating)


def login_name() -> str:
    """What the operating system calls the user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        return "nobody"


def _set(values: Mapping[str, str | None]) -> dict[str, str]:
    stripped = {name: (value or "").strip() for name, value in values.items()}
    return {
        name: value
        for name, value in stripped.items()
        if value and not _UNEXPANDED.fullmatch(value)
    }


def _git_root(folder: Path) -> Path:
    """The checkout that holds ``folder`` (a worktree's `.git` is a file), else ``folder``."""
    return next((up for up in (folder, *folder.parents) if (up / ".git").exists()), folder)


def _read_file(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        return _set(dotenv.dotenv_values(file, encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsError(f"{file} is not UTF-8", hint="save it as UTF-8") from None
    except OSError as problem:
        raise SettingsError(f"cannot read {file}: {problem.strerror}") from None
