"""What an import makes of a path, a format and a content, and what it may replace. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from mlops_core.local_workspace.languages import (
    JUPYTER,
    LANGUAGES,
    SOURCE,
    by_extension,
    by_name,
    full_name,
)
from mlops_core.local_workspace.node import DIRECTORY, FILE, NOTEBOOK, Node
from mlops_core.local_workspace.replies import EXISTS, INVALID, ApiError, invalid

MAX_NOTEBOOK = 10 * 1024 * 1024
MAX_FILE = 500 * 1024 * 1024
ARCHIVES = frozenset({".zip", ".dbc"})
_LONGEST_HEADER = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """The object that an import asks for.

    The language of a JUPYTER notebook is in its content, so it is None here; a DIRECTORY is an
    archive to unpack.
    """

    path: str
    kind: str
    language: str | None = None
    flavour: str | None = None

    @property
    def full_name(self) -> str:
        """The name with a notebook's extension."""
        name = self.path.rpartition("/")[2]
        return full_name(name, self.language, self.flavour) if self.kind == NOTEBOOK else name


def plan_import(path: str, fmt: str, language: str | None, head: bytes) -> Wanted:
    """Decide what becomes of an import; ``head`` is the beginning of the content.

    Raises ApiError for a format or a language that does not exist.
    """
    if language and by_name(language) is None:
        known = ", ".join(one.name for one in LANGUAGES)
        raise invalid(f"'{language}' is not a supported language; there are {known}")
    if fmt == "AUTO":
        return _plan_auto(path, head)
    if fmt == "RAW":
        return Wanted(path, FILE)
    if fmt == JUPYTER:
        return Wanted(path, NOTEBOOK, None, JUPYTER)
    if fmt == SOURCE:
        return Wanted(path, NOTEBOOK, language, SOURCE) if language else Wanted(path, DIRECTORY)
    if fmt == "DBC":
        return Wanted(path, DIRECTORY)
    raise invalid(
        f"'{fmt}' is not a supported format; this workspace has AUTO, SOURCE, JUPYTER, RAW"
    )


def has_header(head: bytes, header: str) -> bool:
    """Whether the first line is that header. The service overlooks a backtick before it."""
    first = head[:_LONGEST_HEADER].split(b"\n", 1)[0].rstrip(b"\r")
    return first.removeprefix(b"`") == header.encode()


def check_replace(wanted: Wanted, there: Node | None, *, overwrite: bool) -> None:
    """Refuse to write over ``there``, in the form of "already exists" that the situation gets."""
    if there is None:
        return
    if there.kind != wanted.kind:
        raise _mismatch(wanted, there, overwrite)
    if wanted.kind == DIRECTORY:
        raise ApiError(400, EXISTS, f"{wanted.path} already exists. An archive replaces nothing.")
    if overwrite:
        return
    if there.kind == NOTEBOOK:
        raise ApiError(400, "", f"Path ({wanted.path}) already exists.")
    raise ApiError(
        400, EXISTS, f"{wanted.path} already exists. Please pass overwrite=true to replace it."
    )


def check_raced(wanted: Wanted, was_there: bool, there: Node | None, *, overwrite: bool) -> None:
    """Refuse a create that another request has overtaken since it was first looked at."""
    if there is not None and not was_there and not overwrite:
        message = f"Node with name {wanted.path} already exists. Please choose a different name."
        raise ApiError(409, "ALREADY_EXISTS", message)


def rival_names(wanted: Wanted) -> tuple[str, ...]:
    """The other names in the folder that could clash with an import's, extensions considered."""
    name = wanted.path.rpartition("/")[2]
    if wanted.kind == NOTEBOOK:
        return (wanted.full_name,)
    stem = PurePosixPath(name).stem
    return (stem,) if stem != name else ()


def check_siblings(wanted: Wanted, siblings: Iterable[Node]) -> None:
    """Refuse a name that, with a notebook's extension, is taken in the folder.

    A PYTHON source notebook `test` and a FILE `test.py` exclude each other; overwriting is no
    way out, since the object of that path is another one.
    """
    name = wanted.path.rpartition("/")[2]
    for node in siblings:
        if node.name != name and node.full_name == wanted.full_name:
            raise ApiError(400, EXISTS, f"Node named '{wanted.full_name}' already exists")


def check_size(wanted: Wanted, size: int, *, is_json: bool) -> None:
    """Refuse what is too large: notebooks and JSON bodies over 10 MiB, files over 500 MB."""
    if wanted.kind == NOTEBOOK and size > MAX_NOTEBOOK:
        message = f"Notebook size exceeded limit: {size} > {MAX_NOTEBOOK}"
        raise ApiError(400, "MAX_NOTEBOOK_SIZE_EXCEEDED", message)
    limit = MAX_NOTEBOOK if is_json else MAX_FILE
    if size > limit:
        message = f"File size imported is ({size} bytes), exceeded max size ({limit} bytes)"
        raise ApiError(400, "BAD_REQUEST", message)


def _plan_auto(path: str, head: bytes) -> Wanted:
    suffix = PurePosixPath(path).suffix
    bare = path.removesuffix(suffix) if suffix else path
    if suffix.lower() == ".ipynb":
        return Wanted(bare, NOTEBOOK, None, JUPYTER)
    if suffix.lower() in ARCHIVES:
        return Wanted(bare, DIRECTORY)
    language = by_extension(suffix)
    if language and has_header(head, language.header):
        return Wanted(bare, NOTEBOOK, language.name, SOURCE)
    return Wanted(path, FILE)


def _mismatch(wanted: Wanted, there: Node, overwrite: bool) -> ApiError:
    if overwrite:
        message = (
            f"Cannot overwrite the asset at {wanted.path} due to type mismatch"
            f" (asked: {wanted.kind}, actual: {there.kind})."
        )
    else:
        message = (
            f"Requested node type [{wanted.kind}] is different from the existing node type"
            f" [{there.kind}]"
        )
    return ApiError(400, INVALID, message, "WORKSPACE_OBJECT_TYPE_MISMATCH")
