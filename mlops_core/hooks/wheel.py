"""The wheel of mlops_core, as this checkout has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import mlops_core
from mlops_core.errors import MlopsError

_ABOUT = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
# PEP 517's own call; `pip wheel` would add seconds, and need an index where it isolates.
_BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
_EPOCH = "315532800"  # the first moment that a zip can hold: same sources, same bytes


def wheel_sources() -> Mapping[str, Path]:
    """Every file that goes into the wheel, by its path from the project root."""
    root = Path(mlops_core.__file__).resolve().parents[1]
    if not (root / "setup.cfg").is_file():
        raise MlopsError(
            f"mlops_core in {root} is no checkout, so no wheel can be built of it",
            hint="install it from the checkout: python -m pip install -e .",
        )
    code = sorted((root / "mlops_core").rglob("*.py"))
    files = [*code, *(root / name for name in _ABOUT if (root / name).is_file())]
    return {file.relative_to(root).as_posix(): file for file in files}


def build_wheel(sources: Mapping[str, Path], folder: Path) -> Path:
    """Build the wheel of ``sources`` below ``folder``; the checkout stays as it is."""
    copy, out = folder / "source", folder / "wheel"
    for name, file in sources.items():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    built = subprocess.run(
        [sys.executable, "-c", _BUILD, str(out)],
        cwd=copy,
        env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH},
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = sorted(out.glob("*.whl"))
    if built.returncode or not wheels:
        said = built.stderr.strip().splitlines() or ["it said nothing"]
        raise MlopsError(
            f"the wheel of mlops_core cannot be built: {said[-1]}",
            hint='python -m pip install "setuptools>=77"',
        )
    return wheels[0]
