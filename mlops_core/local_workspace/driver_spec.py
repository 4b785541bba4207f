"""What the server tells a driver process, as one JSON file: written here, read by runner.py."""

from __future__ import annotations

from typing import TypedDict


class DriverSpec(TypedDict, total=False):
    """One task. Scripts have ``file`` and ``parameters``, notebooks ``source`` and ``widgets``.

    ``path`` is the workspace path that traces show, ``context`` what `dbutils` and the runtime's
    modules know about the run, ``result_file`` where the driver says how it ended.
    """

    path: str
    file: str
    parameters: list[str]
    source: str
    widgets: dict[str, str]
    context: dict[str, str]
    result_file: str
