import importlib.metadata

import pytest

from mlops_core.local_workspace.compute import wanted_packages
from mlops_core.local_workspace.packages import missing_requirements

HERE = importlib.metadata.version("pydantic")


@pytest.mark.parametrize(
    "wanted",
    [
        "pydantic",
        f"pydantic=={HERE}",
        "Pydantic>=1",
        "pydantic[email]>=1",
        "not-there; python_version < '3'",
        "-r requirements.txt",
        "/Workspace/Shared/pydantic-1.0-py3-none-any.whl",
        "git+https://example.com/x.git",
        "",
    ],
)
def test_satisfied(wanted):
    assert missing_requirements([wanted]) == []


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("not-there", "not-there is not installed"),
        ("pydantic<1", f"pydantic<1 is not satisfied by the installed pydantic {HERE}"),
        ("a b c", "'a b c' is no requirement"),
        ("/x/not_there-1.0-py3-none-any.whl", "not_there is not installed"),
    ],
)
def test_missing(wanted, reason):
    assert missing_requirements([wanted]) == [reason]


def test_what_a_task_wants():
    task = {
        "libraries": [{"pypi": {"package": "a==1"}}, {"whl": "/x/b-1.whl"}, {"jar": "c.jar"}],
        "environment_key": "e",
    }
    environments = [
        {"environment_key": "other", "spec": {"dependencies": ["z"]}},
        {"environment_key": "e", "spec": {"dependencies": ["d>2"]}},
    ]
    assert wanted_packages(task, environments) == ["a==1", "/x/b-1.whl", "d>2"]
