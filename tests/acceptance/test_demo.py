"""`python3 dev.py demo`, without the installation that it does first."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(scratch: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "demo.py")],
        env={**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def left_over(scratch: Path) -> list[list[str]]:
    """The processes that have the scratch folder in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(scratch) in word for word in words):
            found.append(words)
    return found


def test_the_loop_closes_and_says_where_everything_is(tmp_path: Path) -> None:
    before = subprocess.check_output(["git", "status", "--porcelain"], cwd=ROOT)
    with start(tmp_path) as process:
        assert process.stdout
        text = process.stdout.read()
    assert process.returncode == 0, text
    assert re.search(r"^training run +\w{32} \(FINISHED\)$", text, re.MULTILINE)
    assert re.search(r"^scoring run +\w{32} \(FINISHED\)$", text, re.MULTILINE)
    assert re.search(r"^registered +model \w\S* version 1$", text, re.MULTILINE)
    assert re.search(r"accuracy_score +0\.9\d+", text)
    predictions = re.search(r"^predictions +(.+)$", text, re.MULTILINE)
    assert predictions and Path(predictions[1]).read_text(encoding="utf-8").count("\n") == 115
    assert "1 file changed, 5 insertions(+)" in text
    assert "-m mlops_core.local_workspace --data" in text
    assert left_over(tmp_path) == []
    assert subprocess.check_output(["git", "status", "--porcelain"], cwd=ROOT) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console only")
@pytest.mark.parametrize("moment", ["to_databricks.py", "epoch 10", "from_databricks.py"])
def test_ctrl_c_at_any_point_leaves_no_process_behind(tmp_path: Path, moment: str) -> None:
    with start(tmp_path) as process:
        assert process.stdout
        for line in process.stdout:
            if moment in line:
                process.send_signal(signal.SIGINT)
                break
        process.stdout.read()
    assert process.returncode == 130
    assert left_over(tmp_path) == []
