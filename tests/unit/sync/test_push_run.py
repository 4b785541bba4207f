"""Whether what the workspace lists after a push is still what the push sent."""

from __future__ import annotations

import pytest

from mlops_core.notebooks.digest import Digest
from mlops_core.notebooks.formats import Form
from mlops_core.paths import WorkspacePath
from mlops_core.sync.ancestor import Record
from mlops_core.sync.plan import Action
from mlops_core.sync.push_run import is_ours
from mlops_core.sync.upload import Sent
from mlops_core.workspace.model import ObjectInfo

PYTHON = Form("NOTEBOOK", "PYTHON", "SOURCE")


@pytest.mark.parametrize(
    ("modified_at", "served_at", "listed_id", "expected"),
    [
        (5_900, 5_000, 7, True),  # `Date` has whole seconds only
        (4_000, 5_000, 7, True),
        (6_000, 5_000, 7, False),  # somebody was later
        (5_900, None, 7, False),
        (None, 5_000, 7, False),
        (5_000, 5_000, 8, False),  # somebody deleted ours and made another one
    ],
)
def test_a_later_change_is_somebody_elses(modified_at, served_at, listed_id, expected):
    record = Record(Digest("d"), PYTHON, "a.py", "c", 7, None)
    listed = ObjectInfo(WorkspacePath("/a"), "NOTEBOOK", listed_id, "PYTHON", None, modified_at)
    assert is_ours(Sent(Action.CREATE, record, served_at), listed) is expected


@pytest.mark.parametrize(
    ("action", "created_at", "expected"),
    [
        (Action.CREATE, 5_100, True),
        (Action.CREATE, 5_099, False),  # somebody was later, in the same second
        (Action.CREATE, None, True),
        (Action.REPLACE, 1_000, True),  # what was created long ago may be as we left it
    ],
)
def test_what_we_created_has_not_been_modified_since(action, created_at, expected):
    record = Record(Digest("d"), PYTHON, "a.py", "c", 7, None)
    at = WorkspacePath("/a")
    listed = ObjectInfo(at, "NOTEBOOK", 7, "PYTHON", modified_at=5_100, created_at=created_at)
    assert is_ours(Sent(action, record, 5_000), listed) is expected


def test_an_import_that_told_no_id_is_known_by_its_time():
    record = Record(Digest("d"), PYTHON, "a.py", "c", 0, None)
    listed = ObjectInfo(WorkspacePath("/a"), "NOTEBOOK", 8, "PYTHON", None, 5_000)
    assert is_ours(Sent(Action.CREATE, record, 5_000), listed)
    assert not is_ours(Sent(Action.LEFT), listed)
