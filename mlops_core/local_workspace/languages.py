"""The server's own table of notebook languages. Pure, and shared with no client on purpose."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "SOURCE"
JUPYTER = "JUPYTER"


@dataclass(frozen=True, slots=True)
class Language:
    """How a language is called in the API, and how its source notebooks look."""

    name: str
    extension: str
    comment: str
    jupyter: str

    @property
    def header(self) -> str:
        """The first line of every source notebook."""
        return f"{self.comment} Databricks notebook source"

    @property
    def separator(self) -> str:
        """The line between two cells."""
        return f"{self.comment} COMMAND ----------"

    @property
    def magic(self) -> str:
        """What stands before each line of a cell in another language."""
        return f"{self.comment} MAGIC "


LANGUAGES = (
    Language("PYTHON", ".py", "#", "python"),
    Language("R", ".r", "#", "r"),
    Language("SCALA", ".scala", "//", "scala"),
    Language("SQL", ".sql", "--", "sql"),
)


def by_name(name: str) -> Language | None:
    """The language of that API name."""
    return next((one for one in LANGUAGES if one.name == name), None)


def by_extension(extension: str) -> Language | None:
    """The language of source files with that extension, whatever its case."""
    return next((one for one in LANGUAGES if one.extension == extension.lower()), None)


def full_name(name: str, language: str | None, flavour: str | None) -> str:
    """A notebook's name with the extension of its format, which the service keeps unique."""
    known = by_name(language or "")
    return name + (".ipynb" if flavour == JUPYTER else known.extension if known else "")
