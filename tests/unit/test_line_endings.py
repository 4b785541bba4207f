"""The rules of git about line endings, compared with git's own doing."""

from __future__ import annotations

import hashlib
import subprocess
from itertools import product
from pathlib import Path

import pytest

from mlops_core.checkout import Checkout
from mlops_core.line_endings import AS_IS, LineEndings, choose_line_endings, parse_preference

CONTENTS = [
    b"",
    b"a",
    b"a\n",
    b"a\r\n",
    b"a\r\nb\n",
    b"a\rb\r\n",
    b"\0\r\n",
    b"\x01a\r\n",
    b"\x01" + b"a" * 127 + b"\r\n",
    b"\x01" + b"a" * 128 + b"\r\n",
    b"a\r\n\x1a",
    b"\x1ba\b\f\t\r\n",
    b"\xff\xfe\x80\x7f" * 100 + b"\r\n",
]
TEXT = ["", "text", "-text", "text=auto", "text=input", "text=odd", "crlf", "-crlf", "crlf=input"]
EOL = ["", "eol=lf", "eol=crlf", "eol="]
CASES = [(" ".join(words).strip(), content) for *words, content in product(TEXT, EOL, CONTENTS)]


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=stdin.encode(), capture_output=True, check=True
    )
    return done.stdout.decode()


@pytest.mark.parametrize("eol", ["native", "lf", "crlf"])
@pytest.mark.parametrize("autocrlf", ["false", "true", "input", "Yes"])
def test_git_would_commit_and_check_out_the_same(tmp_path: Path, autocrlf: str, eol: str) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "core.autocrlf", autocrlf)
    git(tmp_path, "config", "core.eol", eol)
    rules = (f"f{number} {attributes}\n" for number, (attributes, _) in enumerate(CASES))
    (tmp_path / ".gitattributes").write_text("".join(rules), encoding="utf-8")
    names = [f"f{number}" for number in range(len(CASES))]
    for name, (_, content) in zip(names, CASES, strict=True):
        (tmp_path / name).write_bytes(content)
    found = Checkout(tmp_path, is_git=True).line_endings(names)
    hashes = git(tmp_path, "hash-object", "--stdin-paths", stdin="\n".join(names)).split()
    git(tmp_path, "add", ".")
    for name in names:
        (tmp_path / name).unlink()
    git(tmp_path, "checkout", "--", ".")
    for name, oid, (attributes, content) in zip(names, hashes, CASES, strict=True):
        endings = found.get(name, AS_IS)
        committed = endings.committed(content)
        about = (attributes, content[:9])
        assert hashlib.sha1(b"blob %d\0" % len(committed) + committed).hexdigest() == oid, about
        assert endings.checked_out(committed) == (tmp_path / name).read_bytes(), about


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        (b"", b"1\r\n2\r\n"),
        (b"x", b"1\r\n2\r\n"),
        (b"x\n", b"1\n2\n"),
        (b"x\r\n", b"1\r\n2\r\n"),
        (b"x\r\nx\r\nx\n", b"1\r\n2\r\n"),
        (b"x\r\nx\nx\n", b"1\n2\n"),
    ],
)
def test_what_is_checked_out_is_like_the_file_that_it_replaces(
    like: bytes, expected: bytes
) -> None:
    endings = LineEndings(converts=True, has_crlf=True)
    assert endings.checked_out(b"1\n2\n", like) == expected
    assert endings.checked_out(b"1\r\n2\n", like) == expected


@pytest.mark.parametrize("name", ["filter", "working-tree-encoding"])
@pytest.mark.parametrize(("value", "converts"), [("lfs", False), ("unset", True), ("", True)])
def test_what_another_filter_makes_is_left_alone(name: str, value: str, converts: bool) -> None:
    preference = parse_preference(["core.autocrlf\ntrue"], is_windows=True)
    assert choose_line_endings({name: value}, preference).converts is converts


def test_the_last_entry_of_the_configuration_counts() -> None:
    entries = ["core.autocrlf\nfalse", "core.eol\ncrlf", "core.autocrlf", "core.eol\nLF"]
    preference = parse_preference(entries, is_windows=False)
    assert (preference.autocrlf, preference.eol, preference.has_crlf) == ("true", "lf", True)
    assert parse_preference([], is_windows=True).has_crlf
    assert not parse_preference([], is_windows=False).has_crlf


def test_a_file_that_was_committed_with_crlf_is_spared(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    for name in ("lf", "crlf", "deleted", "text"):
        (tmp_path / name).write_bytes(b"1\n" if name == "lf" else b"1\r\n")
    git(tmp_path, "add", ".")
    (tmp_path / "deleted").unlink()
    (tmp_path / ".gitattributes").write_text("text text\n", encoding="utf-8")
    git(tmp_path, "config", "core.autocrlf", "true")
    checkout = Checkout(tmp_path, is_git=True)
    names = ["lf", "crlf", "deleted", "text", "new", *(f"n{number}" for number in range(200))]
    assert names[5] in checkout.line_endings(names)
    assert set(checkout.line_endings(names[:5])) == {"lf", "text", "new"}
    assert checkout.committed(["crlf"]) == frozenset()
    git(tmp_path, "commit", "--quiet", "--message", "Work")
    assert checkout.committed(["lf", "crlf"]) == {"lf", "crlf"}
