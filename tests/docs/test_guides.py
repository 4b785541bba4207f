"""Every command of the guides runs, in order, in a fresh clone, on the embedded workspace."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDES = {"mlops_developers.md": 10, "hooks.md": 5, "devops.md": 5}


def commands(guide: str) -> list[str]:
    """The lines that begin with `$ ` in blocks that are marked as a console's."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    found = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert len(found) >= GUIDES[guide]
    return found


@pytest.fixture
def clone(project_remote: Path, tmp_path: Path) -> Path:
    """A clone of the project as a newcomer has it, on master."""
    folder = tmp_path / "clone"
    command = ["git", "clone", "--quiet", f"file://{project_remote}", str(folder)]
    subprocess.run(command, check=True)
    (folder / ".env").write_text((folder / "env.sample").read_text("utf-8"), encoding="utf-8")
    return folder


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_works(guide: str, clone: Path, fresh_python: Path) -> None:
    environ = {
        **os.environ,
        "PATH": os.pathsep.join([str(fresh_python.parent), os.environ["PATH"]]),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    install = "python -m pip install --quiet -r mlflow_triggers/requirements.txt"
    for command in (install, *commands(guide)):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=clone,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
