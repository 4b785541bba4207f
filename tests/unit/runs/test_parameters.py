from __future__ import annotations

import pytest

from mlops_core.errors import ProjectError, UsageError
from mlops_core.runs.parameters import (
    check_parameters,
    parse_assignments,
    python_words,
    render_command,
)
from mlops_core.runs.project import EntryPoint, Parameter


def point(*parameters: Parameter, command: str = "python train.py") -> EntryPoint:
    return EntryPoint("main", command, parameters)


def test_assignments_keep_everything_after_the_first_equals_sign() -> None:
    assert parse_assignments(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize("wrong", [["a"], ["=1"], ["a=1", "a=2"]])
def test_what_is_no_assignment_is_a_usage_error(wrong: list[str]) -> None:
    with pytest.raises(UsageError, match="-P"):
        parse_assignments(wrong)


def test_defaults_are_filled_in_and_given_values_win() -> None:
    parameters = Parameter("epochs", "int", "5"), Parameter("rate", "float", "0.1")
    assert check_parameters(point(*parameters), {"rate": "1e-3"}) == {"epochs": "5", "rate": "1e-3"}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", ["5", "-1"], ["5.0", "five", ""]),
        ("float", ["5", "1e-3", "inf"], ["x", ""]),
        ("bool", ["true", "False", "0"], ["maybe", "2"]),
        ("string", ["", "anything"], []),
        ("path", ["data/a.csv", "/Volumes/a/b"], [""]),
        ("uri", ["s3://bucket/x", "dbfs:/x", "models:/m/1"], ["x", "/a/b", ":/x"]),
    ],
)
def test_values_are_checked_by_type(kind: str, good: list[str], bad: list[str]) -> None:
    one = point(Parameter("p", kind, None))
    for value in good:
        assert check_parameters(one, {"p": value}) == {"p": value}
    for value in bad:
        with pytest.raises(ProjectError, match=f"is no {kind}"):
            check_parameters(one, {"p": value})


def test_everything_that_is_wrong_is_named_at_once() -> None:
    parameters = Parameter("table", "string", None), Parameter("epochs", "int", "5")
    with pytest.raises(ProjectError) as caught:
        check_parameters(point(*parameters), {"epochs": "many", "epoch": "1"})
    assert "epoch: no such parameter" in caught.value.message
    assert "table: has no default and was not given" in caught.value.message
    assert "epochs: 'many' is no int" in caught.value.message
    assert "table (string), epochs (int)" in caught.value.hint


def test_values_are_quoted_for_the_shell() -> None:
    command = render_command(point(command="echo {a} {{}}"), {"a": "x; rm -rf /"})
    assert command == "echo 'x; rm -rf /' {}"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python train.py", ("train.py",)),
        ("python3.11 src/train.py --n 'a b' ''", ("src/train.py", "--n", "a b", "")),
        ("python -u train.py", ("train.py",)),
        ("python -m churn.train --n 1", ("-m", "churn.train", "--n", "1")),
        ("python train.py --q 'a;b $c'", ("train.py", "--q", "a;b $c")),
        ("python train.py > log.txt", None),
        ("python a.py && python b.py", None),
        ("python train.py $HOME", None),
        ("PYTHONPATH=. python train.py", None),
        ("python -c 'print(1)'", None),
        ("bash run.sh", None),
        ("python", None),
    ],
)
def test_only_plain_python_commands_need_no_shell(
    command: str, words: tuple[str, ...] | None
) -> None:
    assert python_words(command) == words
