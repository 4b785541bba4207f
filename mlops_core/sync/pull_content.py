"""Which content a pulled object gets here: theirs in our manner, or the merge of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mlops_core.checkout import merge_lines
from mlops_core.errors import MlopsError
from mlops_core.line_endings import AS_IS, LineEndings
from mlops_core.sync.fetch import Fetched
from mlops_core.sync.merging import merge_contents
from mlops_core.sync.pair import Pair
from mlops_core.sync.styled import is_like, styled
from mlops_core.sync.survey import Survey
from mlops_core.sync.tree import MAX_IN_MEMORY, LocalFile

_MAX_MERGED: Final = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Contents:
    """Makes contents in the store, and gives their names there."""

    pair: Pair
    survey: Survey
    endings: Mapping[str, LineEndings]

    def styled(self, path: str, name: str) -> str:
        """Their content as the file ``name`` is written here."""
        there, store = self.survey.fetched[path], self.pair.store
        form = there.identity.form
        if not form.is_notebook:
            return self._checked_out(path, there)
        for local, example in self._examples(path, name):
            try:
                if is_like(local, example, form):
                    theirs = store.path(there.content).read_bytes()
                    return store.put(styled(theirs, form, example))
            except MlopsError:  # no valid notebook: it cannot be an example
                continue
        return there.content

    def merged(self, path: str) -> str | None:
        """The merge of both sides; None if it takes a person, or too much memory."""
        ours, there = self.survey.local.files[path], self.survey.fetched[path]
        record, store = self.survey.base.records[path], self.pair.store
        forms = {ours.identity.form, there.identity.form, record.form}
        if len(forms) > 1 or max(ours.size, there.info.size or 0) > _MAX_MERGED:
            return None
        base = store.read(record.content)
        if base is None:
            return None
        with store.scratch() as scratch:
            scratch.mkdir()
            mine = (self.pair.folder / ours.local).read_bytes()
            endings = self.endings.get(path, AS_IS)
            sides = (mine, base, store.path(there.content).read_bytes())
            merged = merge_contents(
                *(endings.committed(side) for side in sides),
                form=ours.identity.form,
                merge_lines=lambda mine, old, new: merge_lines(mine, old, new, scratch),
            )
        return None if merged is None else store.put(endings.checked_out(merged, mine))

    def _checked_out(self, path: str, there: Fetched) -> str:
        """A file as git would write it here: like the one that is there, else as it is set up."""
        endings, file = self.endings.get(path), self.pair.store.path(there.content)
        if endings is None or file.stat().st_size > MAX_IN_MEMORY:
            return there.content
        ours = self.survey.local.files.get(path)
        return self.pair.store.put(endings.checked_out(file.read_bytes(), self._head(ours)))

    def _head(self, ours: LocalFile | None) -> bytes:
        if ours is None:
            return b""
        with (self.pair.folder / ours.local).open("rb") as stream:
            return stream.read(MAX_IN_MEMORY)

    def _examples(self, path: str, name: str) -> Iterator[tuple[str, bytes]]:
        """How this was written here so far: the file, else git's index, else the base."""
        old, record = self.survey.local.files.get(path), self.survey.base.records.get(path)
        if old:
            yield old.local, (self.pair.folder / old.local).read_bytes()
        if name in self.survey.local.deleted:  # git is slow to ask, for a thousand new ones
            yield name, self.survey.checkout.staged(name) or b""
        kept = self.pair.store.read(record.content) if record else None
        if record and kept is not None:
            yield record.local, kept
