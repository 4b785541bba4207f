"""Runs a command: arguments in, exit code out, every error as a message and a hint."""

from __future__ import annotations

import argparse
import errno
import platform
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_core.cli.console import Console, ReaderGone
from mlops_core.errors import BUG, FAILED, INTERRUPTED, USAGE, MlopsError

_SECRET = re.compile(
    r"(\b(?:bearer|basic)\s+)[^\s'\"]{6,}|\b(?:dapi|dose|local-)[0-9a-f-]{16,}|\beyJ[\w.-]{16,}",
    re.IGNORECASE,
)
_NOT_OURS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EMFILE}


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


@dataclass(frozen=True, slots=True)
class Command:
    """One script: what it is called, what it does in one line, its options and its work.

    ``execute`` gets the parsed options and returns the exit code; it raises MlopsError for
    whatever the user can mend.
    """

    name: str
    summary: str
    execute: Callable[[argparse.Namespace, Console], int]
    add_options: Callable[[argparse.ArgumentParser], None] = _no_arguments


def run(command: Command, arguments: Sequence[str], console: Console | None = None) -> int:
    """Run ``command`` and give its exit code; nothing but that code ever gets out."""
    console = console or Console()
    parser = argparse.ArgumentParser(prog=f"python {command.name}", description=command.summary)
    command.add_options(parser)
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return USAGE if stop.code else 0
    try:
        return command.execute(options, console)
    except MlopsError as error:
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.progress("interrupted")
        return INTERRUPTED
    except ReaderGone:
        sys.stdout = sys.stderr = None  # or Python would fail once more, flushing them at its end
        return INTERRUPTED
    except OSError as error:
        return _machine_error(error, command, console)
    except Exception as bug:  # noqa: BLE001 - the one place that may catch everything
        console.error(_report(bug, command))
        return BUG


def _machine_error(error: OSError, command: Command, console: Console) -> int:
    """Tell what this machine would not do; any other OSError is as much a bug as the rest."""
    if error.errno not in _NOT_OURS:
        console.error(_report(error, command))
        return BUG
    console.error(MlopsError(f"{error.filename or 'this machine'}: {error.strerror}"))
    return FAILED


def _report(bug: Exception, command: Command) -> MlopsError:
    """Write down what is needed to mend ``bug``, and say where."""
    import mlops_core

    versions = f"mlops_core {mlops_core.__version__}, Python {platform.python_version()}"
    text = _hide("".join(traceback.format_exception(bug)))
    with tempfile.NamedTemporaryFile(
        "w", prefix="mlops-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"{command.name}\n{versions}, {platform.platform()}\n\n{text}")
    return MlopsError(
        _hide(f"{type(bug).__name__}: {bug}" if str(bug) else type(bug).__name__),
        hint=f"this is a bug in mlops_core; please report it with {Path(file.name)}",
    )


def _hide(text: str) -> str:
    """``text`` without what looks like a credential: nobody knows what a bug will quote."""
    return _SECRET.sub(lambda found: f"{found[1] or ''}[token]", text)
