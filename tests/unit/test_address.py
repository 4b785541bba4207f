import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_core.address import workspace_address

AZURE = "https://adb-1234567890123456.7.azuredatabricks.net"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AZURE, AZURE),
        (AZURE + "/", AZURE),
        (AZURE + "/?o=1234567890123456", AZURE),
        (AZURE + "/?o=12#notebook/34", AZURE),
        (AZURE + "/browse/folders/12?o=1", AZURE),
        (AZURE.upper(), AZURE),
        (AZURE.removeprefix("https://"), AZURE),
        (AZURE + ":443/", AZURE),
        ("https://proxy.example.com:8443/x", "https://proxy.example.com:8443"),
        ("http://127.0.0.1:5001/", "http://127.0.0.1:5001"),
        ("127.0.0.1:5001", "http://127.0.0.1:5001"),
        ("localhost:5001", "http://localhost:5001"),
        ("http://[::1]:5001", "http://[::1]:5001"),
        (" local ", "local"),
        ("LOCAL", "local"),
    ],
)
def test_an_address_is_taken_as_it_was_copied(text: str, expected: str) -> None:
    assert workspace_address(text) == expected
    assert workspace_address(expected) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://adb-1.2.azuredatabricks.net", "in the clear"),
        ("ftp://adb-1.2.azuredatabricks.net", "no https URL"),
        ("https://", "no workspace URL"),
        ("https://<your workspace>", "no workspace URL"),
        ("workspace", "no workspace URL"),
        ("https://a.b:99999", "port"),
        ("https://token:dapi0123@a.b", "user name or password"),
        ("dapi" + "0123456789abcdef" * 2, "looks like a token"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as told:
        workspace_address(text)
    assert "dapi" not in str(told.value)


@given(st.text())
def test_any_text_gives_an_address_that_stays_or_a_reason(text: str) -> None:
    try:
        address = workspace_address(text)
    except ValueError as reason:
        assert str(reason).startswith(("it ", "its ", "http "))
    else:
        assert workspace_address(address) == address
