"""The checkout's files as git sees them, and what git remembers of each."""

from __future__ import annotations

import os
import re
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlops_core.errors import MlopsError
from mlops_core.git import as_arguments, ask_git, joined, split
from mlops_core.line_endings import (
    ATTRIBUTES,
    LineEndings,
    Preference,
    choose_line_endings,
    parse_preference,
)
from mlops_core.notebooks.formats import is_designer_name
from mlops_core.terminal import quoted

NEVER: Final = frozenset(
    {".git", ".mlops", ".databricks", ".env", "node_modules", "__pycache__", ".venv"}
)
"""Names that never travel, in either direction."""
_SHORT: Final = re.compile("(" + "|".join(name.strip(".")[:6] for name in NEVER) + r")~\d+")


@dataclass(frozen=True, slots=True)
class Skip:
    """A path that is left out with everything below it, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Files:
    """Which files a folder has, as relative paths with `/`; and what is left out of it.

    ``deleted`` are files that git's index has and the folder has not.
    """

    paths: tuple[str, ...]
    skipped: tuple[Skip, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkout:
    """One folder, in a git checkout or not."""

    folder: Path
    is_git: bool

    def files(self) -> Files:
        """Every file that git has or would take here; outside git, every file."""
        paths, skipped, deleted = [], [], []
        for listed, is_sparse in self._listed():
            path = listed.rstrip("/")
            skip = "git leaves it out of this sparse checkout" if is_sparse else self._reason(path)
            if not path or any(is_never(part) for part in path.split("/")):
                continue
            if skip:
                skipped.append(Skip(path, skip))
            elif (self.folder / path).is_file():
                paths.append(path)
            else:
                deleted.append(path)
        left_out = tuple(sorted(set(skipped), key=lambda skip: skip.path))
        return Files(tuple(sorted(set(paths))), left_out, tuple(sorted(set(deleted))))

    def ignored(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of ``paths`` that git would ignore, whether they exist or not."""
        asked = list(paths)
        if not (self.is_git and asked):
            return frozenset()
        answer = self._git(
            "check-ignore", "-z", "--stdin", stdin=joined(asked), accepted=(0, 1, 128)
        )
        return frozenset(split(answer))

    def committed(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of ``paths`` whose files are in HEAD just as they lie here."""
        head = self.head() if self.is_git else {}
        asked = [path for path in paths if path in head and self._is_plain_file(path)]
        if not asked:
            return frozenset()
        # hash-object applies the filters of .gitattributes, as `git add` would, but does not know
        # that a file which was committed with CRLF is spared.
        found = {path for path, oid in self._hashes(asked) if oid == head[path]}
        rest = [path for path in asked if path not in found]
        raw = self._hashes(rest, "--no-filters") if rest else ()
        return frozenset((*found, *(path for path, oid in raw if oid == head[path])))

    def head(self) -> dict[str, str]:
        """The files of HEAD below this folder, each with its blob's id."""
        if not self.is_git:
            return {}
        listing = self._git("ls-tree", "-r", "-z", "HEAD", "--", ".", accepted=(0, 128))
        entries = (entry.partition("\t") for entry in split(listing))
        return {path: about.split(" ")[2] for about, _, path in entries}

    def history(self, paths: Sequence[str]) -> dict[str, list[bytes]]:
        """What HEAD and its ancestors had under each of ``paths``, newest first, each once."""
        if not (self.is_git and paths):
            return {}
        log = ("log", "-m", "--raw", "--no-abbrev", "--no-renames", "--format=", "--relative", "-z")
        words = iter(split(self._git(*log, "--", *as_arguments(paths), accepted=(0, 128))))
        found: dict[str, dict[str, None]] = {path: {} for path in paths}
        for word in words:
            old, new = word.split(" ")[2:4]
            found.get(next(words), {}).update(dict.fromkeys((new, old)))
        blobs = self._blobs({oid for oids in found.values() for oid in oids if oid.strip("0")})
        return {path: [blobs[o] for o in oids if o in blobs] for path, oids in found.items()}

    def staged(self, path: str) -> bytes | None:
        """The file as git would check it out from its index, or None if it is not there."""
        if not self.is_git:
            return None
        asked = ("cat-file", "--filters", f":./{path}")
        answer = self._run(*asked)
        return answer.stdout if answer.returncode == 0 else None

    def executable(self) -> frozenset[str]:
        """The files that git's index has as programs."""
        listing = self._git("ls-files", "-s", "-z") if self.is_git else b""
        entries = (entry.partition("\t") for entry in split(listing))
        return frozenset(path for about, _, path in entries if about.startswith("100755 "))

    def line_endings(self, paths: Iterable[str]) -> dict[str, LineEndings]:
        """How git converts line endings in those of ``paths`` where it does; none need exist."""
        asked = list(paths)
        if not (self.is_git and asked):
            return {}
        answer = self._git("check-attr", "-z", "--stdin", *ATTRIBUTES, stdin=joined(asked))
        words = iter(os.fsdecode(answer).split("\0")[:-1])  # a value may be empty
        attributes: dict[str, dict[str, str]] = {path: {} for path in asked}
        for path, name, value in zip(words, words, words, strict=True):
            attributes[path][name] = value
        preference = self._preference()
        chosen = {path: choose_line_endings(attributes[path], preference) for path in asked}
        spared = self._with_crlf_in_index([p for p, one in chosen.items() if one.is_guessed])
        return {p: one for p, one in chosen.items() if one.converts and p not in spared}

    def _preference(self) -> Preference:
        answer = self._git(
            "config", "-z", "--get-regexp", r"^core\.(autocrlf|eol)$", accepted=(0, 1)
        )
        return parse_preference(split(answer), is_windows=os.name == "nt")

    def _with_crlf_in_index(self, paths: Sequence[str]) -> frozenset[str]:
        """Where git guesses, it converts nothing in files that were committed with CRLF."""
        if not paths:
            return frozenset()
        listing = self._git("ls-files", "--eol", "-z", "--", *as_arguments(paths))
        entries = (entry.partition("\t") for entry in split(listing))
        return frozenset(
            path for about, _, path in entries if about.startswith(("i/crlf ", "i/mixed "))
        )

    def _listed(self) -> Iterator[tuple[str, bool]]:
        if not self.is_git:
            if self.folder.is_dir():
                yield from ((path, False) for path in _walk(self.folder, ""))
            return
        for entry in split(self._git("ls-files", "-z", "-t", "-co", "--exclude-standard")):
            yield entry[2:], entry[0] == "S"

    def _reason(self, path: str) -> str:
        """Why ``path`` is left out; empty if it is not."""
        local = self.folder / path
        if local.is_symlink():
            return "a symbolic link"
        if local.is_dir():
            return "a git repository of its own"
        try:
            path.encode()
        except UnicodeEncodeError:
            return "its name is not UTF-8"
        if is_designer_name(path):
            return "a Lakeflow Designer file"
        return ""

    def _is_plain_file(self, path: str) -> bool:
        file = self.folder / path
        return "\n" not in path and file.is_file() and not file.is_symlink()

    def _hashes(self, paths: Sequence[str], *options: str) -> Iterable[tuple[str, str]]:
        # Paths are read from the checkout's root, wherever git is started.
        prefix = self._git("rev-parse", "--show-prefix").removesuffix(b"\n")
        lines = b"".join(prefix + os.fsencode(path) + b"\n" for path in paths)
        answer = self._git("hash-object", *options, "--stdin-paths", stdin=lines)
        return zip(paths, answer.decode().split(), strict=True)

    def _blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        answer = self._git("cat-file", "--batch", stdin="\n".join(oids).encode())
        blobs, position = {}, 0
        while (end := answer.find(b"\n", position)) >= 0:
            oid, kind, *size = answer[position:end].decode().split(" ")
            position = end + 1
            if kind == "blob":
                blobs[oid] = answer[position : position + int(size[0])]
            position += int(size[0]) + 1 if size else 0
        return blobs

    def _git(self, *arguments: str, stdin: bytes = b"", accepted: tuple[int, ...] = (0,)) -> bytes:
        answer = self._run(*arguments, stdin=stdin)
        if answer.returncode not in accepted:
            why = answer.stderr.decode(errors="replace").strip()
            raise MlopsError(f"git {arguments[0]} failed in {self.folder}: {why}")
        return answer.stdout if answer.returncode in (0, 1) else b""

    def _run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return ask_git(self.folder, *arguments, stdin=stdin)


def is_never(name: str) -> bool:
    """Whether some system takes ``name`` for one of NEVER: git says so of `.GIT` and `git~1`."""
    visible = "".join(char for char in name if unicodedata.category(char) != "Cf")
    key = unicodedata.normalize("NFC", visible).casefold()
    return key in NEVER or _SHORT.fullmatch(key) is not None


def open_checkout(folder: Path) -> Checkout:
    """The folder as a checkout; one that is not there yet, or not in git, is a plain folder."""
    if not folder.is_dir():
        return Checkout(folder, is_git=False)
    try:
        answer = ask_git(folder, "rev-parse", "--is-inside-work-tree")
    except FileNotFoundError:
        _check_is_plain(folder)
        return Checkout(folder, is_git=False)
    if answer.returncode and b"dubious ownership" in answer.stderr:
        raise MlopsError(
            f"git does not trust {folder}: it belongs to another user",
            hint=f"git config --global --add safe.directory {quoted(str(folder))}",
        )
    return Checkout(folder, is_git=answer.stdout.strip() == b"true")


def _check_is_plain(folder: Path) -> None:
    """Without git, a checkout would lose its ignore rules, and what it ignores would travel."""
    for above in (folder, *folder.absolute().parents):
        if (above / ".git").exists():
            raise MlopsError(
                f"there is no git here to read the checkout {above}",
                hint="install git, or add its folder to PATH",
            )


def merge_lines(ours: bytes, base: bytes, theirs: bytes, scratch: Path) -> bytes | None:
    """The three-way merge of a text by lines, or None if both changed the same ones.

    Uses `git merge-file` on three files in the folder ``scratch``; None where there is no git.
    """
    names = ("ours", "base", "theirs")
    for name, content in zip(names, (ours, base, theirs), strict=True):
        (scratch / name).write_bytes(content)
    try:
        answer = ask_git(scratch, "merge-file", "-p", "-q", *names)
    except FileNotFoundError:
        return None
    return answer.stdout if answer.returncode == 0 else None


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    for child in sorted(folder.iterdir()) if folder.is_dir() else ():
        path = prefix + child.name
        if is_never(child.name):
            continue
        if child.is_dir() and not child.is_symlink() and not (child / ".git").exists():
            yield from _walk(child, path + "/")
        else:
            yield path
