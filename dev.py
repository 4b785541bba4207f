"""Develop and try mlops_core: `python3 dev.py demo | test | bench`. Needs Python 3.11 and git.

Each command makes its own virtual environment below this folder; nothing else is touched.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says and give the exit code."""
    parser = argparse.ArgumentParser(prog="python3 dev.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="the whole loop on the embedded workspace, in a scratch clone")
    test = commands.add_parser(
        "test", help="every check and test; further words go to pytest, without Spark"
    )
    test.add_argument("--python", default=sys.executable, help="a version such as 3.12, or a path")
    bench = commands.add_parser("bench", help="times, side by side in one run")
    bench.add_argument("name", nargs="?", choices=benchmarks(), help="default: all of them")
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "test":
        parser.error(f"unknown: {' '.join(rest)}")
    try:
        if options.command == "demo":
            return run(environment("mlflow"), ROOT / "tests" / "demo.py")
        if options.command == "test":
            return run_checks(find_python(options.python), rest)
        return run_benchmarks(environment("test"), [options.name] if options.name else benchmarks())
    except subprocess.CalledProcessError as failure:
        print(f"error: this failed: {subprocess.list2cmdline(failure.cmd)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run_checks(base: Path, rest: Sequence[str]) -> int:
    """Run every check, also after one has failed, and the tests last: theirs is the last line."""
    python = environment("test", base)
    checks: dict[str, list[str | Path]] = {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "mypy": [python, "-m", "mypy"],
        "lint-imports": [python.with_name("lint-imports" + python.suffix)],
    }
    if not rest:
        spark = environment("test-spark", base)
        checks["pytest on Spark"] = [spark, "-m", "pytest", "tests/spark"]
    checks["pytest"] = [python, "-m", "pytest", "-n", "2", *rest]
    failed = []
    for name, command in checks.items():
        print(f"== {name}", flush=True)
        if run(*command):
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def benchmarks() -> list[str]:
    """The names of the files in tests/benchmarks, without `bench_`."""
    found = (ROOT / "tests" / "benchmarks").glob("bench_*.py")
    return sorted(path.stem.removeprefix("bench_") for path in found)


def run_benchmarks(python: Path, names: Sequence[str]) -> int:
    """Run benchmarks one after another; the exit code is the first one's that failed."""
    codes = [run(python, ROOT / "tests" / "benchmarks" / f"bench_{name}.py") for name in names]
    return next((code for code in codes if code), 0)


def run(*command: str | Path) -> int:
    """Run a program in this folder and give its exit code; Ctrl-C leaves nothing of it behind."""
    with subprocess.Popen([str(part) for part in command], cwd=ROOT) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            try:  # a terminal has told the program as well
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.terminate()
            raise


def environment(extra: str, base: Path | None = None) -> Path:
    """The Python of a virtual environment with ``extra`` installed, made or renewed if needed."""
    base = base or Path(sys.executable)
    version = version_of(base)
    if version < OLDEST:
        sys.exit(f"error: {base} is Python {version[0]}.{version[1]}\nhint:  use 3.11 or later")
    marks = [] if version == sys.version_info[:2] else [f"{version[0]}.{version[1]}"]
    # Databricks' clients have no pyspark beside them, so the other tests must not either.
    marks += ["spark"] if "spark" in extra else []
    folder = ROOT / "-".join([".venv", *marks])
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / f"installed-{extra}"
    wanted = fingerprint(version)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and python.is_file():
        return python
    print(f"== installing mlops_core[{extra}] into {folder}", flush=True)
    if not python.is_file():
        make_environment(base, folder)
    pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    pinned = ["--constraint", ROOT / "constraints.txt", "--editable", f"{ROOT}[{extra}]"]
    subprocess.run([*map(str, pip), *map(str, pinned)], check=True, cwd=ROOT)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def make_environment(base: Path, folder: Path) -> None:
    """Make a virtual environment, or say which package of the system is missing for it."""
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run([str(base), "-m", "venv", str(folder)], check=False)
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        sys.exit("error: no virtual environment\nhint:  install venv (Debian: python3-venv)")


def fingerprint(version: tuple[int, int]) -> str:
    """Changes when the environment must be renewed."""
    parts = [(ROOT / name).read_bytes() for name in ("setup.cfg", "constraints.txt")]
    return hashlib.sha256(b"\0".join([repr((version, ROOT)).encode(), *parts])).hexdigest()


def version_of(python: Path) -> tuple[int, int]:
    """Major and minor version of another Python."""
    ask = "import sys; print(*sys.version_info[:2])"
    answer = subprocess.run([str(python), "-c", ask], check=True, capture_output=True, text=True)
    major, minor = answer.stdout.split()
    return int(major), int(minor)


def find_python(text: str) -> Path:
    """The interpreter that ``text`` means: a path, a program's name, or a version."""
    for found in candidates(text):
        # pyenv's shims are there for versions that are not chosen, and then only fail
        if subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode == 0:
            return Path(found)
    sys.exit(f"error: no Python {text!r} here\nhint:  give a path: --python /path/to/python")


def candidates(text: str) -> Iterator[str]:
    """What ``text`` may mean, the likeliest first."""
    yield from filter(None, (shutil.which(text), shutil.which(f"python{text}")))
    if text[0].isdigit():
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
        yield from sorted(map(str, pyenv.glob(f"{text}*/bin/python")), reverse=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
