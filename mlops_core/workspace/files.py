"""The workspace's tree: list, stat, read, write, delete. One method is one question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from mlops_core.errors import AlreadyExists, NotFound, TypeMismatch
from mlops_core.paths import WorkspacePath, workspace_path
from mlops_core.workspace.call import Call, do_nothing
from mlops_core.workspace.fields import Fields
from mlops_core.workspace.http import HttpClient
from mlops_core.workspace.model import DIRECTORY, ObjectInfo, Written

_LIST = "workspace/list"
_STATUS = "workspace/get-status"
_EXPORT = "workspace/export"
_IMPORT = "workspace/import"


@dataclass(frozen=True, slots=True)
class WorkspaceFiles:
    """Reads and writes objects of the workspace tree (databricks_api 4)."""

    http: HttpClient

    def list(self, path: WorkspacePath) -> tuple[ObjectInfo, ...]:
        """What a folder holds, sorted by path; of anything else, the object itself.

        Raises NotFound for a path that is missing or that the user may not read.
        """
        answer = Fields(_LIST, self.http.get(_LIST, path=path).json)
        found = (_object_info(each) for each in answer.items("objects"))
        return tuple(sorted(found, key=lambda info: info.path))

    def walk(self, path: WorkspacePath) -> tuple[ObjectInfo, ...]:
        """Everything below a folder, folders included, sorted by path; one request a folder.

        Git folders are reported and not entered. A folder that vanishes meanwhile is empty.
        Raises NotFound if ``path`` itself is missing.
        """
        found: list[ObjectInfo] = []
        level = self.list(path)
        with ThreadPoolExecutor(self.http.workers) as pool:
            while level:
                found += level
                folders = [one.path for one in level if one.kind == DIRECTORY and one.path != path]
                level = self._list_all(folders, pool)
        return tuple(sorted(found, key=lambda info: info.path))

    def stat(self, path: WorkspacePath, *, flavour: bool = False) -> ObjectInfo:
        """One object; with ``flavour``, whether a notebook is `SOURCE` or `JUPYTER`.

        The option `return_export_info` is undocumented and observed (databricks_api 4).
        """
        asked = True if flavour else None
        answer = self.http.get(_STATUS, path=path, return_export_info=asked)
        return _object_info(Fields(_STATUS, answer.json))

    def read(self, path: WorkspacePath, fmt: str = "SOURCE") -> bytes:
        """An object's bytes; of a FILE always its own, of a notebook in the format asked for.

        Never ask for a folder: the service answers with an archive, not an error.
        """
        return self.http.request(_export(path, fmt)).content

    def download(self, path: WorkspacePath, target: Path) -> None:
        """Write a FILE's bytes to ``target``, streamed, and whole or not at all."""
        self.http.request(_export(path, "AUTO", target))

    def write(
        self,
        path: WorkspacePath,
        content: bytes | Path,
        *,
        fmt: str = "AUTO",
        language: str | None = None,
        overwrite: bool = False,
        before_retry: Callable[[], None] = do_nothing,
    ) -> Written:
        """Import one object; a Path is streamed. Parents must exist: NotFound otherwise.

        A create whose answer was lost is sent again and may meet its own object: after an
        AlreadyExists, read the object and compare. TypeMismatch: delete it first. Between two
        tries may lie minutes: ``before_retry`` looks at what an overwrite would replace now.
        """
        form = {"path": path, "format": fmt}
        form.update({"language": language} if language else {})
        form.update({"overwrite": "true"} if overwrite else {})
        call = Call("POST", _IMPORT, form=form, content=content, before_retry=before_retry)
        try:
            answer = self.http.request(call)
        except TypeMismatch:
            raise
        except AlreadyExists:
            if not overwrite:
                raise
            # The service was seen to refuse an overwrite once (databricks_api 4, import).
            before_retry()
            answer = self.http.request(call)
        object_id = Fields(_IMPORT, answer.json).number_or_none("object_id")
        return Written(object_id, answer.served_at)

    def make_folder(self, path: WorkspacePath) -> None:
        """Make a folder and its parents; one that is there already is done."""
        self.http.post("workspace/mkdirs", {"path": path})

    def delete(
        self,
        path: WorkspacePath,
        *,
        recursive: bool = False,
        before_retry: Callable[[], None] = do_nothing,
    ) -> None:
        """Delete an object; one that is missing is done. A recursive delete is not atomic.

        Between two tries may lie minutes: ``before_retry`` looks at what is there by then.
        """
        body = {"path": path, "recursive": recursive}
        call = Call("POST", "workspace/delete", body=body, before_retry=before_retry)
        with suppress(NotFound):
            self.http.request(call)

    def delete_empty_folder(self, path: WorkspacePath) -> None:
        """Delete a folder; the service refuses if it is not empty.

        The name may belong to something else by now, and that stays.
        """

        def check() -> None:
            if self.stat(path).kind != DIRECTORY:
                raise NotFound(f"{path} is no folder any more")

        check()
        self.delete(path, before_retry=check)

    def _list_all(
        self, folders: Sequence[WorkspacePath], pool: ThreadPoolExecutor
    ) -> tuple[ObjectInfo, ...]:
        try:
            return tuple(chain.from_iterable(pool.map(self._list_or_nothing, folders)))
        except KeyboardInterrupt:  # leaving the pool waits for its threads: let them end now
            self.http.interrupt()
            raise

    def _list_or_nothing(self, path: WorkspacePath) -> tuple[ObjectInfo, ...]:
        try:
            return self.list(path)
        except NotFound:
            return ()


def _export(path: WorkspacePath, fmt: str, target: Path | None = None) -> Call:
    query = {"path": path, "format": fmt, "direct_download": True}
    return Call("GET", _EXPORT, query, stream_to=target, is_json=False)


def _object_info(fields: Fields) -> ObjectInfo:
    return ObjectInfo(
        path=workspace_path(fields.text("path")),
        kind=fields.text("object_type"),
        object_id=fields.number_or_none("object_id") or 0,
        language=fields.text("language", "") or None,
        flavour=fields.text("repos_export_format", "") or None,
        modified_at=fields.number_or_none("modified_at"),
        size=fields.number_or_none("size"),
        created_at=fields.number_or_none("created_at"),
    )
