import argparse
import errno
import io
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_core.cli.console import Console, render_size
from mlops_core.cli.main import Command, run
from mlops_core.errors import MlopsError, NotFound, SettingsError, UsageError


def outcome(error: BaseException | int, *arguments: str) -> tuple[int, str, str]:
    def execute(options: argparse.Namespace, console: Console) -> int:
        if isinstance(error, int):
            console.result("the result")
            return error
        raise error

    out, err = io.StringIO(), io.StringIO()
    code = run(Command("x.py", "Does x.", execute), arguments, Console(out, err))
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_is_the_commands_own(code: int) -> None:
    assert outcome(code) == (code, "the result\n", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MlopsError("it failed", hint="type this"), 1),
        (NotFound("it failed", hint="type this", status=404), 1),
        (SettingsError("it failed", hint="type this"), 2),
        (UsageError("it failed", hint="type this"), 2),
    ],
)
def test_an_error_is_a_message_a_hint_and_a_code(error: MlopsError, code: int) -> None:
    assert outcome(error) == (code, "", "error: it failed\nhint:  type this\n")


def test_ctrl_c_ends_with_130() -> None:
    assert outcome(KeyboardInterrupt())[0] == 130


def test_an_argument_that_is_not_known_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(0, "surplus")[0] == 2
    assert "unrecognized arguments: surplus" in capsys.readouterr().err


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(0, "--help")[0] == 0
    assert "usage: python x.py" in capsys.readouterr().out


def test_a_bug_leaves_a_report_and_no_traceback() -> None:
    code, out, err = outcome(ZeroDivisionError("division by zero"))
    assert (code, out) == (70, "")
    assert err.startswith("error: ZeroDivisionError: division by zero\nhint:  this is a bug")
    assert "Traceback" not in err
    report = Path(err.rpartition(" with ")[2].strip())
    text = report.read_text(encoding="utf-8")
    report.unlink()
    assert text.startswith("x.py\nmlops_core ")
    assert "ZeroDivisionError: division by zero" in text


def test_what_the_machine_refuses_is_no_bug() -> None:
    code, out, err = outcome(PermissionError(errno.EACCES, "Permission denied", "/x/.mlops"))
    assert (code, out, err) == (1, "", "error: /x/.mlops: Permission denied\n")
    assert outcome(FileNotFoundError(errno.ENOENT, "No such file", "/x"))[0] == 70


def test_a_name_that_the_terminal_cannot_show_is_shown_escaped() -> None:
    raw = io.BytesIO()
    console = Console(io.TextIOWrapper(raw, encoding="ascii"))
    console.result("übung")
    assert raw.getvalue().split() == [b"\\xfcbung"]


def test_a_pipeline_gets_no_bar() -> None:
    err = io.StringIO()
    with Console(err=err).bar(3) as advance:
        advance(10)
    assert err.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_lines_stay_above_the_bar() -> None:
    err = Terminal()
    console = Console(err=err)
    with console.bar(2) as advance:
        console.progress("[created] a.py")
        advance(2_000_000)
        advance(0)
    assert "[created] a.py" in err.getvalue()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (5 * 10**11, "500.0 GB"),
    ],
)
def test_sizes_are_said_as_people_say_them(size: int, text: str) -> None:
    assert render_size(size) == text


def test_a_reader_that_has_seen_enough_ends_the_command_quietly() -> None:
    code = (
        "import sys\n"
        "from mlops_core.cli.main import Command, run\n"
        "def execute(options, console):\n"
        "    while True: console.result('y' * 1000)\n"
        "sys.exit(run(Command('x.py', '', execute), []))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 130
