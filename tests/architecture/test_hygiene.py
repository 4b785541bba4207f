"""What must never be in the repository: machine paths, tokens, marks of unfinished work."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
TOKEN = re.compile(r"\bdapi[0-9a-f]{32}\b")


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    found = [ROOT / name for name in names.split("\0") if name and name != __file__]
    assert len(found) > 40
    return [path for path in found if path.is_file() and path != Path(__file__)]


def lines_matching(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_is_left_unfinished() -> None:
    code = [path for path in tracked() if path.suffix == ".py" and "tests" not in path.parts]
    assert lines_matching(UNFINISHED, code) == []


def test_no_token_is_committed() -> None:
    assert lines_matching(TOKEN, tracked()) == []


def test_suppressions_give_a_reason() -> None:
    bare = re.compile(r"#\s*(noqa(: [A-Z0-9, ]+)?|type: ignore(\[[\w, -]+\])?)\s*$")
    code = [path for path in tracked() if path.suffix == ".py"]
    assert lines_matching(bare, code) == []
