"""What a notebook finds under the name `dbutils`, as far as one machine can give it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn


class NotebookExit(BaseException):
    """`dbutils.notebook.exit` ends the notebook in success, past every `except Exception`."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class InputWidgetNotDefined(Exception):
    """`dbutils.widgets.get` of a name that neither the notebook nor the job has given."""


class NotHere(RuntimeError):
    """What was asked for exists on a cluster, not in the embedded workspace."""


class Widgets:
    """Parameters of a notebook: the job's values win over the defaults that the cells give."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:
        """Declare a parameter with its default."""
        self._defaults[name] = str(defaultValue)

    def dropdown(
        self,
        name: str,
        defaultValue: str,
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        """Declare a parameter with its default, which must be one of ``choices``."""
        if defaultValue not in list(choices):
            raise ValueError(f"the default {defaultValue!r} of widget {name!r} is no choice of it")
        self._defaults[name] = str(defaultValue)

    combobox = dropdown
    multiselect = dropdown

    def get(self, name: str) -> str:
        """The job's value, else the default; InputWidgetNotDefined if there is neither."""
        if name in self._given:
            return self._given[name]
        if name in self._defaults:
            return self._defaults[name]
        raise InputWidgetNotDefined(f"No input widget named {name} is defined")

    def getArgument(self, name: str, default: str | None = None) -> str | None:
        """As ``get``, but ``default`` where there is no such widget."""
        try:
            return self.get(name)
        except InputWidgetNotDefined:
            return default

    def getAll(self) -> dict[str, str]:
        """Every declared or given parameter with its value."""
        return {**self._defaults, **self._given}

    def remove(self, name: str) -> None:
        """Forget one declaration."""
        self._defaults.pop(name, None)

    def removeAll(self) -> None:
        """Forget every declaration."""
        self._defaults.clear()


class Notebook:
    """`dbutils.notebook`: the end of this notebook, runs of others, and where this one is."""

    def __init__(self, context: Mapping[str, str], run: Callable[..., str]) -> None:
        self.entry_point = EntryPoint(context)
        self.run = run

    def exit(self, value: object = "") -> NoReturn:
        """End the notebook; ``value`` becomes the run's `notebook_output.result`."""
        raise NotebookExit(str(value))

    def getContext(self) -> Context:
        """The notebook's context, as newer runtimes offer it."""
        return self.entry_point.getDbutils().notebook().getContext()


class Missing:
    """A part of dbutils that needs a cluster; using it says so."""

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse, naming what was asked for."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotHere(
            f"dbutils.{self._part}.{name} does not exist in the embedded workspace; "
            "files below /Workspace are ordinary files here"
        )


class DbUtils:
    """The `dbutils` of a notebook or of `databricks.sdk.runtime`."""

    def __init__(self, widgets: Widgets, notebook: Notebook) -> None:
        self.widgets = widgets
        self.notebook = notebook
        self.entry_point = notebook.entry_point
        self.fs = Missing("fs")
        self.secrets = Missing("secrets")
        self.jobs = Missing("jobs")
        self.library = Library()


class Library:
    """`dbutils.library`: there is nothing to restart, since nothing is ever installed."""

    def restartPython(self) -> None:
        """Do nothing: installed packages are as they were when the run began."""


class Option:
    """A Scala Option, as the context's methods return it."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def get(self) -> str:
        """The value; an error as in Scala where there is none."""
        if self._value is None:
            raise KeyError("None.get")
        return self._value

    def isDefined(self) -> bool:
        """Whether there is a value."""
        return self._value is not None

    def getOrElse(self, default: object) -> object:
        """The value, or ``default``."""
        return default if self._value is None else self._value


class Tags:
    """A Scala map of strings."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, key: str) -> Option:
        """The value of ``key`` as an Option."""
        return Option(self._values.get(key))

    def apply(self, key: str) -> str:
        """The value of ``key``; an error where there is none."""
        return self._values[key]


class Context:
    """A notebook's context: each value is a method that returns an Option (`jobId().get()`)."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def tags(self) -> Tags:
        """Every value by its name."""
        return Tags({**self._values, "orgId": self._values.get("workspaceId", "")})

    extraContext = tags

    def toJson(self) -> str:
        """The context as notebooks read it with `json.loads`; never with the token."""
        tags = {key: value for key, value in self._values.items() if key != "apiToken"}
        path = {"notebook_path": self._values.get("notebookPath")}
        return json.dumps({"tags": tags, "extraContext": path})

    safeToJson = toJson

    def __getattr__(self, name: str) -> Callable[[], Option]:
        """A method for any value, known or not."""
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda: Option(self._values.get(name))


class EntryPoint:
    """The way to the context that notebooks have used from the beginning."""

    def __init__(self, context: Mapping[str, str]) -> None:
        self._context = Context(context)

    def getDbutils(self) -> EntryPoint:
        """A step of the way."""
        return self

    def notebook(self) -> EntryPoint:
        """A step of the way."""
        return self

    def getContext(self) -> Context:
        """The end of the way."""
        return self._context
