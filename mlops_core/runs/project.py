"""Reads an MLproject file, and says what is wrong with it: file, key and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_core.errors import ProjectError

DEFAULT_ENTRY_POINT = "main"
PARAMETER_TYPES = ("string", "int", "float", "bool", "path", "uri")
_ALIASES = {"integer": "int", "boolean": "bool", "str": "string", "double": "float"}
_ENVIRONMENT_FILES = ("python_env.yaml", "conda.yaml", "requirements.txt")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an entry point; a ``default`` of None means that it must be given."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """One command of a project; ``{name}`` in it stands for the parameter of that name."""

    name: str
    command: str
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """A checked MLproject: ``file`` is the MLproject itself, ``environment_file`` may be None."""

    folder: Path
    file: Path
    name: str
    entry_points: Mapping[str, EntryPoint]
    environment_file: Path | None = None

    def entry_point(self, name: str = DEFAULT_ENTRY_POINT) -> EntryPoint:
        """The entry point ``name``; raises ProjectError with those that there are."""
        if name not in self.entry_points:
            known = ", ".join(sorted(self.entry_points)) or "none"
            raise ProjectError(
                f"{self.file}: no entry point {name!r}",
                hint=f"give one that it has with -e ({known}), or add entry_points.{name}",
            )
        return self.entry_points[name]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ParameterText(_Strict):
    type: str = "string"
    default: str | int | float | bool | None = None


class _EntryPointText(_Strict):
    command: str = Field(min_length=1)
    parameters: dict[str, str | _ParameterText] = {}


class _ProjectText(_Strict):
    name: str | None = None
    conda_env: str | None = None
    python_env: str | None = None
    entry_points: dict[str, _EntryPointText] = Field(min_length=1)


def load_project(folder: Path) -> Project:
    """Read and check the MLproject file of ``folder``; raises ProjectError."""
    file = _find(folder)
    text = _parse(file)
    return Project(
        folder=folder,
        file=file,
        name=text.name or folder.resolve().name,
        entry_points={
            name: EntryPoint(name, point.command, _parameters(file, name, point))
            for name, point in text.entry_points.items()
        },
        environment_file=_environment_file(file, text),
    )


def _find(folder: Path) -> Path:
    if not folder.is_dir():
        raise ProjectError(
            f"there is no project folder {folder}",
            hint="name the folder that holds your MLproject file",
        )
    # MLflow takes any spelling of the name, also where file names are case-sensitive.
    for file in sorted(folder.iterdir()):
        if file.name.lower() == "mlproject":
            return file
    raise ProjectError(
        f"{folder} holds no MLproject file",
        hint="add one, as projects/ExampleTrainingProject has it, with entry_points.main",
    )


def _parse(file: Path) -> _ProjectText:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} is no valid YAML: {error}", hint="mend it there") from None
    if not isinstance(content, dict):
        raise ProjectError(f"{file}: expected keys and values", hint="see docs/runs.md")
    for key in ("docker_env", "databricks_spark_job"):
        if key in content:
            raise ProjectError(
                f"{file}: {key} is not supported",
                hint="use conda_env or python_env, and entry_points with a command",
            )
    try:
        return _ProjectText.model_validate(content)
    except ValidationError as error:
        raise ProjectError(f"{file}: {describe(error)}", hint="mend it; see docs/runs.md") from None


def describe(error: ValidationError) -> str:
    """All that pydantic found, as `key: what is expected`, in the words of the file."""
    found = []
    for problem in error.errors():
        # A union names its branches too; in the file there is only the key.
        parts = [str(part) for part in problem["loc"] if not str(part).startswith(("_", "str"))]
        message = {
            "extra_forbidden": "is not a key that is known here",
            "missing": "is missing",
        }.get(problem["type"], problem["msg"].lower())
        found.append(f"{'.'.join(parts)}: {message}")
    return "; ".join(dict.fromkeys(found))


def _parameters(file: Path, name: str, point: _EntryPointText) -> tuple[Parameter, ...]:
    place = f"entry_points.{name}"
    parameters = tuple(
        _parameter(f"{file}: {place}.parameters.{key}", key, value)
        for key, value in point.parameters.items()
    )
    declared = {parameter.name for parameter in parameters}
    for used in _fields(f"{file}: {place}.command", point.command):
        if used not in declared:
            raise ProjectError(
                f"{file}: {place}.command uses {{{used}}}, which is none of its parameters",
                hint=f"add {place}.parameters.{used}, or write {{{{{used}}}}} for a plain brace",
            )
    return parameters


def _parameter(place: str, name: str, text: str | _ParameterText) -> Parameter:
    declared = text if isinstance(text, str) else text.type
    kind = _ALIASES.get(declared, declared)
    if kind not in PARAMETER_TYPES:
        raise ProjectError(
            f"{place}: {declared!r} is no type", hint=f"use one of {', '.join(PARAMETER_TYPES)}"
        )
    default = None if isinstance(text, str) else text.default
    return Parameter(name, kind, None if default is None else _as_text(default))


def _as_text(value: str | int | float | bool) -> str:
    return str(value)


def _fields(place: str, command: str) -> list[str]:
    try:
        return [field for _, field, _, _ in Formatter().parse(command) if field is not None]
    except ValueError as error:
        raise ProjectError(
            f"{place}: {error}", hint="write {{ and }} for braces that are no parameter"
        ) from None


def _environment_file(file: Path, text: _ProjectText) -> Path | None:
    if text.conda_env and text.python_env:
        raise ProjectError(
            f"{file}: conda_env and python_env exclude each other", hint="keep one of them"
        )
    for key, named in (("conda_env", text.conda_env), ("python_env", text.python_env)):
        if named:
            found = file.parent / named
            if not found.is_file():
                raise ProjectError(f"{file}: {key}: there is no file {found}", hint="create it")
            return found
    usual = (file.parent / name for name in _ENVIRONMENT_FILES)
    return next((found for found in usual if found.is_file()), None)
