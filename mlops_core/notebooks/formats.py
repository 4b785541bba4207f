"""What is a notebook, and what each language calls things. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SOURCE: Final = "SOURCE"
JUPYTER: Final = "JUPYTER"
NOTEBOOK: Final = "NOTEBOOK"
FILE: Final = "FILE"
BOM: Final = b"\xef\xbb\xbf"
JUPYTER_EXTENSION: Final = ".ipynb"


@dataclass(frozen=True, slots=True)
class Language:
    """A notebook language: the service's name for it, its extension and its comment mark."""

    name: str
    extension: str
    comment: str

    @property
    def header(self) -> str:
        """The first line of every source notebook."""
        return f"{self.comment} Databricks notebook source"

    @property
    def separator(self) -> str:
        """The line between two cells of a source notebook."""
        return f"{self.comment} COMMAND ----------"


LANGUAGES: Final = (
    Language("PYTHON", ".py", "#"),
    Language("R", ".r", "#"),
    Language("SCALA", ".scala", "//"),
    Language("SQL", ".sql", "--"),
)
_BY_NAME: Final = {language.name: language for language in LANGUAGES}
_BY_EXTENSION: Final = {language.extension: language for language in LANGUAGES}
_HEADERS: Final = tuple({language.header.encode() for language in LANGUAGES})

# AUTO would unpack the first group; it may take the second for a notebook (databricks_api 2).
_KEPT_RAW: Final = frozenset(
    {".zip", ".dbc", ".jar", ".whl", ".egg", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z"}
    | {".html", ".htm", ".rmd"}
)
_ZIP: Final = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Form:
    """How an object is kept: a file, or a notebook with its language and flavour."""

    kind: str
    language: str = ""
    flavour: str = ""

    @property
    def is_notebook(self) -> bool:
        """Whether the service strips an extension from its name, and runs it."""
        return self.kind == NOTEBOOK

    @property
    def is_source(self) -> bool:
        """Whether it is a notebook kept as a script."""
        return self.flavour == SOURCE

    @property
    def extension(self) -> str:
        """What a checkout adds to its name in the workspace; nothing for a file."""
        if not self.is_notebook:
            return ""
        if self.flavour == JUPYTER:
            return JUPYTER_EXTENSION
        return language_named(self.language).extension

    @property
    def tag(self) -> str:
        """The form in one word, for digests: two forms of one text are two contents."""
        return "-".join(part.lower() for part in (self.kind, self.language, self.flavour) if part)


A_FILE: Final = Form(FILE)


def language_named(name: str) -> Language:
    """The language that the service calls ``name``; KeyError for one that it does not have."""
    return _BY_NAME[name]


def is_language(name: str | None) -> bool:
    """Whether the service has a notebook language of this name."""
    return name in _BY_NAME


def extension_of(name: str) -> str:
    """The last extension of a file name, as written; empty for none and for `.hidden`."""
    base = name.rpartition("/")[2]
    stem, dot, last = base.rpartition(".")
    return dot + last if stem else ""


def without_extension(name: str) -> str:
    """``name`` without its last extension."""
    return name[: len(name) - len(extension_of(name))]


def is_jupyter_name(name: str) -> bool:
    """Whether a file of this name must be a Jupyter notebook."""
    return extension_of(name).lower() == JUPYTER_EXTENSION


def is_notebook_name(name: str) -> bool:
    """Whether a file of this name can be a notebook, if its content is one."""
    return is_jupyter_name(name) or extension_of(name).lower() in _BY_EXTENSION


def is_designer_name(name: str) -> bool:
    """Whether it is a Lakeflow Designer file, which the service treats as neither kind."""
    return name.lower().endswith(".designer" + JUPYTER_EXTENSION)


def source_form(name: str, content: bytes) -> Form:
    """The form of a file that is no Jupyter notebook, by its extension and first line.

    The first line must be the header exactly and end in LF or CRLF, as the service has it; but
    after a byte order mark, which some editors write unasked, it counts as well.
    """
    language = _BY_EXTENSION.get(extension_of(name).lower())
    if language is None:
        return A_FILE
    head = content[:64].removeprefix(BOM)
    line = head.split(b"\n", 1)[0].removesuffix(b"\r")
    return Form(NOTEBOOK, language.name, SOURCE) if line == language.header.encode() else A_FILE


def import_format(name: str, content: bytes) -> str:
    """`AUTO`, or `RAW` for a file that AUTO would unpack or take for a notebook.

    ``content`` may be just the first kilobyte.
    """
    if extension_of(name).lower() in _KEPT_RAW or content.startswith(_ZIP):
        return "RAW"
    if extension_of(name).lower() in _BY_EXTENSION and any(h in content[:1024] for h in _HEADERS):
        # The service looks less closely than we do: a backtick before the header passes there.
        return "RAW"
    return "AUTO"
