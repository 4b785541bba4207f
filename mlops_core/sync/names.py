"""Names on both sides: which are left out, which the local system cannot hold. Pure."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Final

from mlops_core.errors import Collision, MlopsError
from mlops_core.notebooks.formats import Form

_ILLEGAL: Final = frozenset('<>:"\\|?*') | {chr(code) for code in range(32)}
_DEVICES: Final = frozenset({"CON", "PRN", "AUX", "NUL"}) | {
    f"{device}{number}" for device in ("COM", "LPT") for number in "123456789"
}


@dataclass(frozen=True, slots=True)
class LocalRules:
    """What the local file system can tell apart, and hold."""

    is_windows: bool = False
    is_case_sensitive: bool = True

    def key(self, path: str) -> str:
        """Two paths with one key are one file here."""
        return path if self.is_case_sensitive else folded(path)

    def why_not(self, path: str) -> str:
        """Why no file here can have this path; empty if one can."""
        for part in path.split("/"):
            if reason := self._why_not(part):
                return f"{part!r} {reason}"
        return ""

    def _why_not(self, part: str) -> str:
        if not self.is_windows:
            return "is too long" if len(part.encode("utf-8", "surrogatepass")) > 255 else ""
        if bad := sorted(_ILLEGAL.intersection(part)):
            return f"has {bad[0]!r} in it"
        if part[-1:] in {".", " "}:
            return "ends with a dot or a space"
        return "is a device on Windows" if part.split(".")[0].upper() in _DEVICES else ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One object that cannot be synced, and why; the others are."""

    path: str
    error: MlopsError


def folded(path: str) -> str:
    """The same for all spellings of a path that some system takes for one."""
    return unicodedata.normalize("NFC", path).casefold()


def is_within(path: str, tops: Set[str]) -> bool:
    """Whether ``path``, or a folder above it, is one of ``tops``."""
    return any(part in tops for part in (path, *parents(path)))


def parents(path: str) -> list[str]:
    """The folders above ``path``, the nearest first, the root (an empty name) not included."""
    found = []
    while "/" in path:
        path = path.rpartition("/")[0]
        found.append(path)
    return found


def folder_of(path: str) -> str:
    """The folder that holds ``path``; empty at the root."""
    return path.rpartition("/")[0]


def local_name(path: str, form: Form, known: Iterable[str]) -> str:
    """The file that an object becomes here: one of ``known``, should it end in `.R` or `.PY`."""
    name = path + form.extension
    return next((one for one in known if one == name or _is_same(one, name, path)), name)


def find_collisions(found: Iterable[tuple[str, str, str]]) -> tuple[Trouble, ...]:
    """What cannot all go to the workspace, of (path there, its full name there, local file).

    There as well, a notebook's full name has the extension.
    """
    by_path: dict[str, set[str]] = defaultdict(set)
    by_name: dict[str, dict[str, str]] = defaultdict(dict)
    for path, name, local in found:
        by_path[path].add(local)
        by_name[name][path] = local
    folders = {folder for path in by_path for folder in parents(path)}
    both = [(path, path, sorted(files)) for path, files in by_path.items() if len(files) > 1]
    both += [
        (path, name, sorted(files.values()))
        for name, files in by_name.items()
        for path in files
        if len(files) > 1
    ]
    both += [(path, path, [min(by_path[path]), f"{path}/"]) for path in folders & by_path.keys()]
    return tuple(
        Trouble(path, _collision(named, f"would both be {name} in the workspace"))
        for path, name, named in sorted(both)
    )


def find_unholdable(wanted: Mapping[str, str], rules: LocalRules) -> tuple[Trouble, ...]:
    """Objects (workspace path to local file) that the local system cannot hold."""
    troubles = []
    by_key: dict[str, list[str]] = defaultdict(list)
    for path, local in sorted(wanted.items()):
        by_key[rules.key(local)].append(path)
        if why := rules.why_not(local):
            error = MlopsError(
                f"{path} cannot be a file here: {why}", hint="rename it in the workspace"
            )
            troubles.append(Trouble(path, error))
    for paths in by_key.values():
        if len(paths) > 1:
            about = f"would both be the file {wanted[paths[0]]} here"
            troubles += [Trouble(path, _collision(paths, about)) for path in paths]
    return tuple(troubles)


def _collision(names: list[str], about: str) -> Collision:
    listed = " and ".join(names[:2]) + "".join(f" and {name}" for name in names[2:])
    return Collision(f"{listed} {about}", hint="rename one of them")


def _is_same(one: str, name: str, path: str) -> bool:
    return one.startswith(path) and one.lower() == name.lower()
