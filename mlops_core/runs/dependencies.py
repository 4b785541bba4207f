"""What a project's environment file asks for, as pip writes it: conda, python_env, requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from mlops_core.errors import ProjectError

# Interpreter and installer come with the runtime.
_PROVIDED = {"python", "pip", "setuptools", "wheel"}
_CONDA = re.compile(r"(?:[\w.-]+::)?(?P<name>[A-Za-z0-9._-]+)\s*(?P<version>[=<>!~].*)?")
_MOUNTED = ("/Workspace/", "/Volumes/")
_URL = re.compile(r"(https?|git\+\w+|s3|abfss|dbfs|file):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """``packages`` are pip requirements or URLs, ``files`` wheels (project or workspace paths)."""

    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def load_dependencies(file: Path | None, folder: Path) -> Dependencies:
    """Read ``file`` of the project in ``folder``, to which its wheels' paths are relative.

    Raises ProjectError that names each line which cannot be translated.
    """
    if file is None:
        return Dependencies()
    lines, wrong = [], []
    for line in _lines(file):
        if problem := _problem(line, folder):
            wrong.append(f"{line!r} ({problem})")
        else:
            lines.append(line)
    if wrong:
        raise ProjectError(
            f"{file}: cannot be installed on a cluster: {'; '.join(wrong)}",
            hint="name packages with versions, or wheels in the project or the workspace",
        )
    files = tuple(line for line in lines if line.endswith(".whl") and not _URL.match(line))
    return Dependencies(tuple(line for line in lines if line not in files), files)


def _lines(file: Path) -> Iterator[str]:
    if file.suffix not in {".yaml", ".yml"}:
        yield from _requirements(file)
        return
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file} is no valid YAML: {error}", hint="mend it there") from None
    entries = content.get("dependencies", []) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ProjectError(f"{file}: dependencies: expected a list", hint="mend it there")
    is_conda = "build_dependencies" not in content and file.name != "python_env.yaml"
    for entry in entries:
        yield from _entry_lines(entry, file, is_conda=is_conda)


def _entry_lines(entry: object, file: Path, *, is_conda: bool) -> Iterator[str]:
    if isinstance(entry, dict) and isinstance(entry.get("pip"), list):
        for line in entry["pip"]:
            yield from _pip_line(str(line), file)
    elif not isinstance(entry, str):
        raise ProjectError(f"{file}: dependencies: {entry!r} is no package", hint="mend it there")
    elif is_conda:
        yield from _conda_line(entry)
    else:
        yield from _pip_line(entry, file)


def _conda_line(entry: str) -> Iterator[str]:
    match = _CONDA.fullmatch(entry.strip())
    if match is None:
        yield entry
        return
    name, version = match["name"], (match["version"] or "").strip()
    if name.lower() in _PROVIDED:
        return
    if version.startswith("=") and not version.startswith("=="):
        # conda's single = is a prefix match, and a second one starts the build string.
        number = version[1:].split("=")[0].removesuffix(".*")
        version = f"=={number}.*"
    yield f"{name}{version}".replace(" ", "")


def _pip_line(line: str, file: Path) -> Iterator[str]:
    line = line.split(" #")[0].strip()
    if not line or line.startswith("#"):
        return
    flag, _, rest = line.partition(" ")
    if flag in {"-r", "--requirement"}:
        yield from _requirements(file.parent / rest.strip())
    else:
        yield line


def _requirements(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        raise ProjectError(f"there is no file {file}", hint="create it") from None
    for line in text.replace("\\\n", " ").splitlines():
        yield from _pip_line(line, file)


def _problem(line: str, folder: Path) -> str:
    if line.startswith("-"):
        return "an option of pip"
    if _URL.match(line):
        return ""
    if not line.endswith(".whl"):
        return "a local path" if line.startswith((".", "/")) else ""
    if line.startswith(_MOUNTED):
        return ""
    inside = (folder / line).resolve()
    if not inside.is_relative_to(folder.resolve()):
        return "outside of the project"
    return "" if inside.is_file() else "no such file"
