"""The wheel that a hook uploads: built from the checkout, whole, and good in an empty Python."""

from __future__ import annotations

import subprocess
import venv
import zipfile
from pathlib import Path

from mlops_core.hooks.wheel import build_wheel, wheel_sources

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_installs_into_an_empty_environment_and_imports(tmp_path: Path) -> None:
    wheel = build_wheel(wheel_sources(), tmp_path / "build")
    assert not (ROOT / "build").exists()
    python = tmp_path / "empty" / "bin" / "python"
    venv.create(tmp_path / "empty", with_pip=True)
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-index"]
    subprocess.run([*pip, "--no-deps", wheel], check=True, cwd=tmp_path)
    code = (
        "import mlops_core, mlops_core.errors, mlops_core.quartz.schedule as q;"
        "print(mlops_core.__file__, mlops_core.__version__, q.parse_quartz('0 0 3 * * ?').hours)"
    )
    said = subprocess.run(
        [python, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True
    ).stdout
    assert str(tmp_path / "empty") in said
    assert said.endswith("0.1.0 (3,)\n")


def test_the_wheel_has_every_module_and_says_what_it_needs(tmp_path: Path) -> None:
    with zipfile.ZipFile(build_wheel(wheel_sources(), tmp_path)) as wheel:
        names = set(wheel.namelist())
        (about,) = [name for name in names if name.endswith("METADATA")]
        metadata = wheel.read(about).decode()
    modules = {file.relative_to(ROOT).as_posix() for file in (ROOT / "mlops_core").rglob("*.py")}
    assert len(modules) > 100
    assert modules <= names
    assert "Requires-Dist: databricks-cli" in metadata


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    built = [build_wheel(wheel_sources(), tmp_path / name).read_bytes() for name in ("a", "b")]
    assert built[0] == built[1]
