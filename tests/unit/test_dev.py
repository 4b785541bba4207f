"""dev.py's own decisions; what it installs and runs is seen by running it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dev() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_imports_nothing_but_the_standard_library(dev: ModuleType) -> None:
    imported = {value.__name__ for value in vars(dev).values() if isinstance(value, ModuleType)}
    assert imported
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_a_python_is_found_by_path_and_by_name(dev: ModuleType) -> None:
    assert dev.find_python(sys.executable) == Path(sys.executable)
    assert dev.version_of(Path(sys.executable)) == sys.version_info[:2]


def test_a_python_that_is_not_there_is_a_message(dev: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"no Python '3\.99' here"):
        dev.find_python("3.99")


def test_an_environment_is_renewed_when_what_it_holds_changes(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    for name in ("setup.cfg", "constraints.txt"):
        (tmp_path / name).write_text("one")
    before = dev.fingerprint((3, 11))
    assert dev.fingerprint((3, 11)) == before != dev.fingerprint((3, 12))
    (tmp_path / "constraints.txt").write_text("two")
    assert dev.fingerprint((3, 11)) != before


@pytest.mark.parametrize("words", [[], ["nothing"], ["demo", "surplus"], ["bench", "nothing"]])
def test_a_wrong_command_line_says_what_there_is(
    dev: ModuleType, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        dev.main(words)
    assert stop.value.code == 2
    assert "usage: python3 dev.py" in capsys.readouterr().err
