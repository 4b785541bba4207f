"""env.sample and docs/settings.md, rendered from `Settings`; `python -m` this writes both."""

from __future__ import annotations

import textwrap
from pathlib import Path

from pydantic.fields import FieldInfo

from mlops_core.settings import variables

_SAMPLE_HEAD = """\
# Copy this file to .env (which git ignores) and fill it in. Every setting: docs/settings.md
"""

_PAGE_HEAD = """\
# Settings

<!-- Written by `python -m mlops_core.settings_text`; the texts are in mlops_core/settings.py. -->

Settings are environment variables, or lines `NAME=value` of the file `.env` in the project
folder (`cp env.sample .env`; git ignores it). The environment beats `.env`, with one exception:
every shell sets `USER` to the login name, so a USER in `.env` wins. An empty variable counts as
unset, and so does a pipeline's `$(NAME)` that nothing expanded. Whatever is missing or wrong is
said at once, before any work, and the command ends with exit code 2.

"""

_PAGE_TAIL = """\

Inside Databricks no `.env` is needed: host, user and login come from the notebook's context, and
the branch from the folder in which the notebook lies.

Logins other than a token (OAuth, Azure, OIDC; anything that `databricks auth login` or `az login`
set up) go through databricks-sdk, which the commands do not install for you:
`python -m pip install databricks-sdk`. A profile's token is sent to that profile's host only, and
a token is never printed, logged or written to a report.

http is accepted for this machine alone; any other host is https.
"""


def render_env_sample() -> str:
    """The file to start a `.env` from: what most projects set is set, the rest a comment."""
    return "\n".join([_SAMPLE_HEAD, *(_sample(about) for _, about in variables())])


def render_settings_page() -> str:
    """The reference page: a table of all settings, with the rules around it."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for variable, about in variables():
        rows.append(f"| {variable} | {about.description} | {_extra(about, 'default')} |")
    return _PAGE_HEAD + "\n".join(rows) + "\n" + _PAGE_TAIL


def write_pages(project_folder: Path) -> None:
    """Write both files into a checkout of this project."""
    for path, text in (
        ("env.sample", render_env_sample()),
        ("docs/settings.md", render_settings_page()),
    ):
        (project_folder / path).write_text(text, encoding="utf-8", newline="\n")


def _sample(about: FieldInfo) -> str:
    sample = _extra(about, "sample")
    text = about.description or ""
    if sample.startswith("#"):
        text = f"{text} Default: {_extra(about, 'default')}."
    comment = textwrap.wrap(text.replace("`", ""), width=90, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in comment) + sample + "\n"


def _extra(about: FieldInfo, key: str) -> str:
    extra = about.json_schema_extra
    return str(extra[key]) if isinstance(extra, dict) else ""


if __name__ == "__main__":
    write_pages(Path(__file__).parents[1])
