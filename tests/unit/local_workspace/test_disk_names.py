import pytest

from mlops_core.local_workspace.disk_names import DiskRules

LINUX = DiskRules(is_windows=False, is_case_sensitive=True)
MAC = DiskRules(is_windows=False, is_case_sensitive=False)
WINDOWS = DiskRules(is_windows=True, is_case_sensitive=False)


@pytest.mark.parametrize(
    ("name", "on_linux", "on_windows"),
    [
        ("a b+c#%.txt", "a b+c#%.txt", "a b+c#%.txt"),
        ("2026-05-04 13:54", "2026-05-04 13:54", "2026-05-04 13%3A54"),
        ('<>:"\\|?*', '<>:"\\|?*', "%3C%3E%3A%22%5C%7C%3F%2A"),
        ("dot.", "dot.", "dot%2E"),
        ("space ", "space ", "space%20"),
        ("nul.txt", "nul.txt", "%nul.txt"),
        ("COM1", "COM1", "%COM1"),
        ("ünï", "ünï", "ünï"),
    ],
)
def test_names(name, on_linux, on_windows):
    assert LINUX.disk_name(name, ()) == on_linux
    assert WINDOWS.disk_name(name, ()) == on_windows


def test_names_that_differ_in_case_get_a_number_where_the_disk_holds_one_only():
    assert LINUX.disk_name("A", ["a"]) == "A"
    assert MAC.disk_name("A", ["a"]) == "A~2"
    assert MAC.disk_name("A", ["a", "a~2"]) == "A~3"
    assert MAC.disk_name("e\u0301", ["\u00e9"]) == "e\u0301~2"


def test_a_name_that_is_too_long_is_cut_and_stays_its_own():
    first, second = (LINUX.disk_name("ä" * 200 + end, ()) for end in "ab")
    assert first != second
    assert len(first.encode()) <= 240


@pytest.mark.parametrize(
    ("rules", "name", "is_plain"),
    [(LINUX, "a:b", True), (LINUX, "x" * 300, False), (MAC, "a", False), (WINDOWS, "a", False)],
)
def test_plain_names_need_no_look_at_the_folder(rules, name, is_plain):
    assert rules.is_plain(name) is is_plain
