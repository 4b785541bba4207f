"""Settings that are missing or wrong, as an error that says what to write instead. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_core.errors import SettingsError

TOKEN_VARIABLE = "DATABRICKS_TOKEN"  # noqa: S105 - the variable's name, not a token


def wrong_settings(
    problems: Mapping[str, str],
    values: Mapping[str, str],
    *,
    examples: Mapping[str, str],
    hint: str,
) -> SettingsError:
    """One error for all ``problems`` (variable to reason); ``hint`` tells where lines belong."""
    lines = [
        _line(name, problem, value=values.get(name, ""), example=examples.get(name, ""))
        for name, problem in problems.items()
    ]
    text = lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} settings:", *lines])
    return SettingsError(text, hint=hint)


def _line(variable: str, problem: str, *, value: str, example: str) -> str:
    reason = problem.removeprefix("Value error, ").removeprefix("Input ")
    if reason.startswith(("is ", "names ")):
        return f"{variable} {reason}" + (f": add {variable}={example}" if example else "")
    # A value in which a credential may hide is not repeated.
    is_secret = variable == TOKEN_VARIABLE or "@" in value or TOKEN_VARIABLE in problem
    shown = "" if is_secret else f"={value}"
    return f"{variable}{shown}: {reason}; write {variable}={example}"
