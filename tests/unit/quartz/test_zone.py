"""Time zones by name, and the name that was probably meant."""

from __future__ import annotations

import pytest

from mlops_core.errors import UsageError
from mlops_core.quartz.zone import find_zone


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_a_zone_is_found(name: str) -> None:
    assert find_zone(name).key == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berlinn", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("Mars/Olympus", "give a name such as Europe/Berlin"),
        ("../../etc/passwd", "give a name such as"),
        ("", "give a name such as"),
    ],
)
def test_what_was_meant_is_suggested(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_zone(name)
    assert "is no time zone" in caught.value.message
    assert hint in caught.value.hint
