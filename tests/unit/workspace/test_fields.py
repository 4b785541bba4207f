import pytest

from mlops_core.errors import WorkspaceError
from mlops_core.workspace.fields import Fields

_FIELDS = Fields(
    "a/b",
    {
        "t": "x",
        "n": 7,
        "digits": "12",
        "yes": True,
        "o": {"t": "y"},
        "l": [{"t": 1}, 2],
        "nil": None,
    },
)


def test_fields_are_read_by_kind():
    assert (_FIELDS.text("t"), _FIELDS.text("n"), _FIELDS.number("digits")) == ("x", "7", 12)
    assert (_FIELDS.real("n"), _FIELDS.truth("yes"), _FIELDS.truth("t")) == (7.0, True, False)
    assert _FIELDS.required_part("o").text("t") == "y"
    assert [each.text("t") for each in _FIELDS.items("l")] == ["1"]


def test_what_is_not_there_has_a_default():
    assert _FIELDS.text("nil", "-") == "-"
    assert _FIELDS.text("yes", "-") == "-"
    assert _FIELDS.number_or_none("t") is None
    assert _FIELDS.number_or_none("yes") is None
    assert _FIELDS.part("t").values == {}
    assert _FIELDS.items("t") == ()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: _FIELDS.text("nil"),
        lambda: _FIELDS.number("t"),
        lambda: _FIELDS.real("t"),
        lambda: _FIELDS.real("yes"),
        lambda: _FIELDS.required_part("t"),
    ],
)
def test_a_required_field_that_is_missing_names_endpoint_and_field(ask):
    with pytest.raises(WorkspaceError, match=r"^a/b answered without a usable '\w+'$") as caught:
        ask()
    assert "DATABRICKS_HOST" in caught.value.hint
