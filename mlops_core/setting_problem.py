"""A setting that is missing or wrong, as a line that says what to write instead. Pure."""

from __future__ import annotations

TOKEN_VARIABLE = "DATABRICKS_TOKEN"  # noqa: S105 - the variable's name, not a token


def render_problem(variable: str, problem: str, *, value: str, example: str) -> str:
    """What is wrong with ``variable``, and a line that would do.

    ``problem`` is pydantic's sentence or a statement such as `is not set`. A value in which a
    credential may hide is not repeated.
    """
    reason = problem.removeprefix("Value error, ").removeprefix("Input ")
    if reason.startswith(("is ", "names ")):
        return f"{variable} {reason}" + (f": add {variable}={example}" if example else "")
    is_secret = variable == TOKEN_VARIABLE or "@" in value or TOKEN_VARIABLE in problem
    shown = "" if is_secret else f"={value}"
    return f"{variable}{shown}: {reason}; write {variable}={example}"
