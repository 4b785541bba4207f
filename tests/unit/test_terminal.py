"""Names on a terminal and in a command line."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from mlops_core.terminal import quoted, visible

NAMES = [
    "notebooks/a.py",
    "a b.py",
    "a$HOME.py",
    "a`id`.py",
    "a$(id).py",
    'a"b.py',
    "it's.py",
    "ä.py",
    "a;id;b!.py",
    "*",
    "a\\b.py",
    "~",
]
CONTROLS = [
    "a\nb.py",
    "a\x1b[31mb.py",
    "it's\ta\\b$HOME\n",
    "a\u202eyp.py",
    "a\x85\x9b1b",
    "b\udcffa",
]


@pytest.mark.skipif(os.name == "nt", reason="cmd and PowerShell are below")
@pytest.mark.parametrize("name", NAMES)
def test_a_shell_takes_a_name_as_it_is(name: str) -> None:
    said = subprocess.run(
        ["sh", "-c", f"printf %s {quoted(name)}"], capture_output=True, check=True
    )
    assert os.fsdecode(said.stdout) == name


@pytest.mark.skipif(not shutil.which("bash") or os.name == "nt", reason="sh knows no escapes")
@pytest.mark.parametrize("name", CONTROLS)
def test_a_name_with_control_characters_is_typed_without_them(name: str) -> None:
    word = quoted(name)
    assert visible(word) == word
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert os.fsdecode(said.stdout) == name


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("notebooks/a.py", "notebooks/a.py"),
        ("a b.py", '"a b.py"'),
        ("a&calc.py", '"a&calc.py"'),
        ("it's.py", '"it\'s.py"'),
        ("a$(calc).py", '"a`$(calc).py"'),
        ("a`b.py", '"a``b.py"'),
        ("a\u201d;calc.py", '"a`\u201d;calc.py"'),
    ],
)
def test_on_windows_powershell_takes_a_name_as_it_is(name: str, word: str) -> None:
    assert quoted(name, is_windows=True) == word


@pytest.mark.skipif(not shutil.which("pwsh"), reason="there is no PowerShell here")
@pytest.mark.parametrize("name", ["a$HOME.py", "a$(id).py", "a`b.py", "a\u201d;id.py", "a&b c.py"])
def test_powershell_agrees(name: str) -> None:
    command = ["pwsh", "-NoProfile", "-Command", f"Write-Output {quoted(name, is_windows=True)}"]
    said = subprocess.run(command, capture_output=True, check=True)
    assert said.stdout.decode().strip() == name


def test_control_characters_are_shown_as_escapes() -> None:
    assert visible("a\x1b[2Jb\nc\td\u202e\udcff ä 😀") == "a\\x1b[2Jb\\nc\\td\\u202e\\udcff ä 😀"
