from __future__ import annotations

from mlops_core.runs.trace import find_place, last_line, map_paths

UPLOADED = "/Workspace/Users/a@b.c/.mlops/projects/Churn-1/project"
SOURCE = "projects/Churn"
TRACE = (
    "\x1b[0;31mTraceback (most recent call last):\x1b[0m\n"
    f'  File "{UPLOADED}/train.py", line 41, in main\n'
    f'  File "{UPLOADED.removeprefix("/Workspace")}/lib/rows.py", line 7, in read\n'
    '  File "/databricks/python/pandas.py", line 9, in get\n'
    "ValueError: no rows\n"
)


def test_paths_of_the_upload_become_paths_of_the_checkout() -> None:
    mapped = map_paths(TRACE, UPLOADED, SOURCE)
    assert 'File "projects/Churn/train.py", line 41' in mapped
    assert 'File "projects/Churn/lib/rows.py", line 7' in mapped
    assert "\x1b" not in mapped
    assert "/Users/" not in mapped


def test_the_innermost_place_of_the_project_is_found() -> None:
    mapped = map_paths(TRACE, UPLOADED, SOURCE)
    assert find_place(mapped, SOURCE) == "projects/Churn/lib/rows.py:7"
    assert find_place("ValueError: x", SOURCE) == ""


def test_the_last_line_says_what_it_was() -> None:
    assert last_line(TRACE) == "ValueError: no rows"
    assert last_line("") == ""
