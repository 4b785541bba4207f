"""What stands here where a pulled file has to go, and in which order files leave and come. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlops_core.sync.names import parents
from mlops_core.sync.plan import Action, Plan, Step


def route_pull(plan: Plan, files: Mapping[str, str], names: Mapping[str, str]) -> Plan:
    """A pull plan in the order that works, with a conflict for each file whose place is taken.

    ``files`` are ours and ``names`` the files that the objects become, both by the path in the
    workspace. A notebook that gets another language gets another name, which frees its old one.
    """
    return _Router(plan, files, names).route()


class _Router:
    """Decides for each file that is to be written whether there will be room for it."""

    def __init__(self, plan: Plan, files: Mapping[str, str], names: Mapping[str, str]) -> None:
        going = {step.path for step in plan.of(Action.DELETE)}
        self._names = names
        self._files = {path: file for path, file in files.items() if path not in going}
        self._path_of = {local: path for path, local in self._files.items()}
        self._folders = {folder for local in self._path_of for folder in parents(local)}
        self._folders |= {folder for path in self._files for folder in parents(path)}
        self._open = {step.path: step for step in plan.steps}
        self._settled: dict[str, Step] = {}

    def route(self) -> Plan:
        while self._open:
            self._settle(next(iter(self._open)))
        return Plan(tuple(self._settled.values()))

    def _settle(self, path: str) -> None:
        step = self._open.pop(path, None)
        if step is None:
            return
        blocker = self._blocker(path) if step.action in {Action.WRITE, Action.MERGE} else ""
        if blocker:
            step = replace(step, action=Action.CONFLICT, reason=f"{blocker} is in the way here")
        self._settled[path] = step

    def _blocker(self, path: str) -> str:
        """The file or folder that has to stay; empty if there is room."""
        name = self._names[path]
        for local in (name, *parents(name)):
            other = self._path_of.get(local, path)
            if other != path and not self._moves(other):
                return local
        for above in parents(path):
            if above in self._files:
                return self._files[above]
        # A folder excludes a file of its name here, and an object of its name in the workspace.
        in_folders = {path, name} & self._folders
        return f"{sorted(in_folders)[0]}/" if in_folders else ""

    def _moves(self, path: str) -> bool:
        """Whether a file of ours gets another name, in a step that is then done before."""
        self._settle(path)
        is_written = path in self._settled and self._settled[path].action is Action.WRITE
        return is_written and self._names[path] != self._files[path]
