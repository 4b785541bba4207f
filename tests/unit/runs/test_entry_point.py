"""The driver file, as the driver sees it: a process of its own that has no mlops_core."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_core.runs import driver_output, entry_point
from mlops_core.runs.output import parse_part

FILE = Path(entry_point.__file__)
OUTPUT = Path(driver_output.__file__)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for file in (FILE, OUTPUT):
        shutil.copy(file, tmp_path)
    return folder


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Start the driver file without MLflow and mlops_core on its path (`-S`: no site-packages)."""
    mode = ["--shell", command[0]] if len(command) == 1 else ["--python", *command[1:]]
    arguments = ["--project", str(project), "--source", "projects/Churn", "--run-id", "r1"]
    arguments += ["--experiment-id", "7", "--tracking-uri", "databricks"]
    arguments += ["--output", str(project.parent / "output"), *mode]
    return subprocess.run(
        [sys.executable, "-S", "-I", str(project.parent / FILE.name), *arguments],
        capture_output=True,
        text=True,
        cwd=project.parent,
        check=False,
    )


def parts(project: Path) -> list[dict[str, object]]:
    output = project.parent / "output"
    files = sorted(output.rglob("*.txt"))
    numbered = [output / driver_output.part_name(n + 1) for n in range(len(files))]
    assert files == numbered
    found = []
    for file in files:
        part = parse_part(file.read_bytes())
        assert part is not None
        found.append(
            {"text": part.text, "last": part.is_last, "error": part.error, "trace": part.trace}
        )
    return found


@pytest.mark.parametrize("file", [FILE, OUTPUT])
def test_it_compiles_on_python_3_9_and_imports_only_the_standard_library(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 9))
    compile(tree, str(file), "exec")
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert len(names) > 5
    # mlflow once all is done, mlops_core for the type checker alone
    assert names - set(sys.stdlib_module_names) <= {"mlflow", "mlops_core"}


def test_a_script_runs_in_the_drivers_own_process_in_a_copy_of_the_project(project: Path) -> None:
    (project / "lib").mkdir()
    (project / "lib" / "rows.py").write_text("COUNT = 3\n")
    (project / "train.py").write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from lib.rows import COUNT\n"
        "Path('written.txt').write_text('x')\n"
        "print(COUNT, __name__, sys.argv, sys.path[0] == str(Path.cwd()))\n"
        "print(os.environ['MLFLOW_RUN_ID'], os.environ['MLFLOW_EXPERIMENT_ID'],"
        " os.environ['MLFLOW_TRACKING_URI'], os.environ.get('MLFLOW_REGISTRY_URI'))\n"
        "print(sys.modules['__main__'].__file__ == str(Path('train.py').resolve()))\n"
    )
    done = run(project, "python", "train.py", "--n", "a b")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "3 __main__ ['train.py', '--n', 'a b'] True"
    assert lines[1] == "r1 7 databricks None"
    assert lines[2] == "True"
    assert not (project / "written.txt").exists()
    assert parts(project)[-1]["last"] is True
    assert parts(project)[-1]["error"] == ""
    assert "".join(str(part["text"]) for part in parts(project)) == done.stdout


def test_a_script_in_a_folder_imports_its_neighbours(project: Path) -> None:
    (project / "src").mkdir()
    (project / "src" / "near.py").write_text("WHERE = 'near'\n")
    (project / "src" / "train.py").write_text("import near\nprint(near.WHERE)\n")
    assert run(project, "python", "src/train.py").stdout == "near\n"


def test_a_module_runs_like_python_m(project: Path) -> None:
    (project / "churn").mkdir()
    (project / "churn" / "__init__.py").write_text("")
    (project / "churn" / "train.py").write_text("import sys\nprint(__package__, sys.argv[1:])\n")
    done = run(project, "python", "-m", "churn.train", "x")
    assert done.stdout == "churn ['x']\n", done.stderr


@pytest.mark.parametrize("ending", ["sys.exit()", "sys.exit(0)", "sys.exit(None)", "pass"])
def test_these_endings_are_success(project: Path, ending: str) -> None:
    (project / "train.py").write_text(f"import sys\n{ending}\n")
    assert run(project, "python", "train.py").returncode == 0


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("sys.exit(3)", "the command ended with status 3"),
        ("sys.exit('no data')", "no data"),
    ],
)
def test_these_endings_are_failures(project: Path, ending: str, said: str) -> None:
    (project / "train.py").write_text(f"import sys\n{ending}\n")
    done = run(project, "python", "train.py")
    assert done.returncode == 1
    assert said in done.stderr
    assert parts(project)[-1]["error"] == said


def test_a_traceback_shows_the_projects_own_frames_and_paths(project: Path) -> None:
    (project / "lib.py").write_text("def read():\n    raise ValueError('no rows')\n")
    (project / "train.py").write_text("import lib\n\nlib.read()\n")
    done = run(project, "python", "train.py")
    assert done.returncode == 1
    last = parts(project)[-1]
    assert last["error"] == "ValueError: no rows"
    trace = str(last["trace"])
    assert 'File "projects/Churn/train.py", line 3' in trace
    assert 'File "projects/Churn/lib.py", line 2' in trace
    assert "entry_point" not in trace
    assert "raise ValueError('no rows')" in trace


def test_a_syntax_error_names_the_projects_file(project: Path) -> None:
    (project / "train.py").write_text("x = (\n")
    assert run(project, "python", "train.py").returncode == 1
    assert "projects/Churn/train.py" in str(parts(project)[-1]["trace"])


def test_other_commands_go_through_the_shell(project: Path) -> None:
    (project / "note.txt").write_text("hello\n")
    done = run(project, "cat note.txt && echo $MLFLOW_RUN_ID && echo oops >&2")
    assert done.returncode == 0
    assert done.stdout == "hello\nr1\noops\n"
    assert "".join(str(part["text"]) for part in parts(project)) == done.stdout


def test_a_shell_command_that_fails_fails_the_run(project: Path) -> None:
    assert run(project, "exit 4").returncode == 1
    assert parts(project)[-1]["error"] == "the command ended with status 4"


def test_both_streams_are_kept_in_the_order_in_which_they_were_written(project: Path) -> None:
    (project / "train.py").write_text(
        "import sys\n"
        "for n in range(500):\n"
        "    print('out', n)\n"
        "    print('err', n, file=sys.stderr)\n"
    )
    assert run(project, "python", "train.py").returncode == 0
    text = "".join(str(part["text"]) for part in parts(project))
    assert text.splitlines() == [f"{s} {n}" for n in range(500) for s in ("out", "err")]


def test_what_children_and_libraries_write_past_python_is_kept_in_order(project: Path) -> None:
    (project / "train.py").write_text(
        "import os, subprocess, sys\n"
        "for n in range(20):\n"
        "    print('python', n)\n"
        "    os.write(2, b'library %d\\n' % n)\n"
        "    subprocess.run([sys.executable, '-c', f'print(\"child\", {n})'], check=True)\n"
    )
    done = run(project, "python", "train.py")
    assert done.returncode == 0, done.stderr
    lines = "".join(str(part["text"]) for part in parts(project)).splitlines()
    assert sorted(lines) == sorted(
        f"{who} {n}" for n in range(20) for who in ("python", "library", "child")
    )
    for who in ("python", "library", "child"):
        mine = [line for line in lines if line.startswith(who)]
        assert mine == [f"{who} {n}" for n in range(20)]


def test_the_files_of_a_talkative_project_stay_small(project: Path) -> None:
    (project / "train.py").write_text("for n in range(90):\n    print('x' * 99_999)\n")
    assert run(project, "python", "train.py").returncode == 0
    assert sum(len(str(part["text"])) for part in parts(project)) == 9_000_000
    for file in (project.parent / "output").rglob("*.txt"):
        assert file.stat().st_size <= driver_output.PART_LIMIT + 100


def test_output_that_cannot_be_written_is_said_once_and_fails_nothing(project: Path) -> None:
    (project.parent / "output").write_text("in the way")
    (project / "train.py").write_text("print('done')\n")
    done = run(project, "python", "train.py")
    assert done.returncode == 0
    assert done.stdout == "done\n"
    assert done.stderr.count("cannot be followed live") == 1


def test_a_part_that_is_still_being_written_is_none() -> None:
    head = json.dumps({"bytes": 4}).encode()
    assert parse_part(head) is None
    assert parse_part(head + b"\nabc") is None
    whole = parse_part(head + b"\nabcd")
    assert whole is not None
    assert whole.text == "abcd"


def test_no_folder_of_parts_grows_without_end() -> None:
    names = [driver_output.part_name(number) for number in (1, 500, 501, 43_200)]
    assert names == ["0000/000001.txt", "0000/000500.txt", "0001/000501.txt", "0086/043200.txt"]


def test_another_writer_does_not_come_into_a_line(project: Path) -> None:
    (project / "train.py").write_text(
        "import os, sys\n"
        "print('half', end='')\n"
        "os.write(1, b'library\\n')\n"
        "print(' and half')\n"
        "sys.stdout.write('no end')\n"
    )
    assert run(project, "python", "train.py").returncode == 0
    lines = "".join(str(part["text"]) for part in parts(project)).splitlines()
    assert sorted(lines) == ["half and half", "library", "no end"]
