"""What `--watch` notices."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from mlops_core.cli.folder_changes import folder_changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / ".venv" / "notebooks"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def beats(folder: Path) -> Iterator[bool]:
    """A watch whose first beat, always a change, is over."""
    beats = folder_changes(folder)
    assert next(beats)
    return beats


def notices(beats: Iterator[bool]) -> bool:
    return any(islice(beats, 20))


def test_a_saved_file_is_noticed_wherever_the_project_lies(folder: Path, beats) -> None:
    (folder / "a.py").write_text("x = 1")
    assert notices(beats)


def test_what_never_travels_is_not(folder: Path, beats) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("x")
    assert not any(islice(beats, 2))


def test_a_folder_that_goes_and_comes_back_is_watched_on(folder: Path, beats) -> None:
    shutil.rmtree(folder)
    assert notices(beats)
    while any(islice(beats, 2)):
        pass
    folder.mkdir()
    assert notices(beats)
    test_a_saved_file_is_noticed_wherever_the_project_lies(folder, beats)


def test_a_folder_that_is_replaced_at_once_is_watched_on(folder: Path, beats) -> None:
    for _ in range(3):
        shutil.rmtree(folder)
        folder.mkdir()
        assert notices(beats)
        while any(islice(beats, 2)):
            pass
        test_a_saved_file_is_noticed_wherever_the_project_lies(folder, beats)


def test_a_folder_that_is_moved_away_is_not_watched_there(folder: Path, beats) -> None:
    moved = folder.rename(folder.with_name("old"))
    folder.mkdir()
    while any(islice(beats, 2)):
        pass
    (moved / "a.py").write_text("x = 1")
    assert not any(islice(beats, 2))
    test_a_saved_file_is_noticed_wherever_the_project_lies(folder, beats)
