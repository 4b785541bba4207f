"""Checks the parameters given to an entry point and renders its command. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

from mlops_core.errors import ProjectError, UsageError
from mlops_core.runs.project import EntryPoint, Parameter

_SHELL_MARKS = re.compile(r"[|&;<>()$`*?~#!\n\\\"]")
_QUOTED = re.compile(r"'[^']*'")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_TRUTH = {"true", "false", "0", "1", "yes", "no"}


def parse_assignments(assignments: list[str]) -> dict[str, str]:
    """Read `key=value` texts as `-P` takes them; raises UsageError for anything else."""
    given: dict[str, str] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"-P {text}: expected key=value", hint="write, say, -P max_iter=200")
        if key in given:
            raise UsageError(f"-P {key} is given twice", hint="keep one of them")
        given[key] = value
    return given


def check_parameters(point: EntryPoint, given: Mapping[str, str]) -> dict[str, str]:
    """The value of every parameter of ``point``, defaults filled in.

    Raises ProjectError that names all that is wrong: unknown, missing, or of another type.
    """
    known = {parameter.name for parameter in point.parameters}
    wrong = [f"{name}: no such parameter" for name in given if name not in known]
    values: dict[str, str] = {}
    for parameter in point.parameters:
        value = given.get(parameter.name, parameter.default)
        if value is None:
            wrong.append(f"{parameter.name}: has no default and was not given")
        elif problem := _problem(parameter, value):
            wrong.append(f"{parameter.name}: {problem}")
        else:
            values[parameter.name] = value
    if wrong:
        names = ", ".join(f"{p.name} ({p.type})" for p in point.parameters) or "none"
        raise ProjectError(
            f"entry point {point.name}: {'; '.join(wrong)}",
            hint=f"give -P name=value; its parameters are: {names}",
        )
    return values


def render_command(point: EntryPoint, values: Mapping[str, str]) -> str:
    """The shell command of ``point``, each value quoted for the shell."""
    return point.command.format(**{name: shlex.quote(value) for name, value in values.items()})


def python_words(command: str) -> tuple[str, ...] | None:
    """The words after `python` if ``command`` is just a Python script or module with arguments.

    None for every command that needs a shell: the driver runs only the former in its own
    process, where Spark and the job's credentials are.
    """
    if _SHELL_MARKS.search(_QUOTED.sub("", command)):
        return None
    words = shlex.split(command)
    if len(words) < 2 or not _PYTHON.fullmatch(words[0]):
        return None
    if words[1] == "-u" and len(words) > 2:
        del words[1]
    is_module = words[1] == "-m" and len(words) > 2
    return tuple(words[1:]) if is_module or words[1].endswith(".py") else None


def _problem(parameter: Parameter, value: str) -> str:
    check = _CHECKS.get(parameter.type)
    return "" if check is None or check(value) else f"{value!r} is no {parameter.type}"


def _is_number(convert: Callable[[str], object]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            convert(value)
        except ValueError:
            return False
        return True

    return check


def _is_uri(value: str) -> bool:
    scheme, mark, rest = value.partition(":/")
    return bool(mark and rest and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme))


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "int": _is_number(int),
    "float": _is_number(float),
    "bool": lambda value: value.lower() in _TRUTH,
    "path": bool,
    "uri": _is_uri,
}
