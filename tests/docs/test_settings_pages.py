"""env.sample and docs/settings.md say what the settings say."""

from pathlib import Path

import pytest

from mlops_core.settings import load_settings
from mlops_core.settings_text import render_env_sample, render_settings_page

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("path", "render"),
    [("env.sample", render_env_sample), ("docs/settings.md", render_settings_page)],
)
def test_the_page_is_what_the_settings_say(path: str, render) -> None:
    written = (PROJECT / path).read_text(encoding="utf-8")
    assert written == render(), "write it anew: python -m mlops_core.settings_text"


def test_a_copy_of_the_sample_works_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes((PROJECT / "env.sample").read_bytes())
    settings = load_settings({"USER": "login-name"}, tmp_path)
    assert settings.is_local_workspace
    assert settings.is_databricks
    assert settings.registry_uri == "databricks"
    assert not settings.is_user_explicit


def test_every_commented_line_of_the_sample_may_be_switched_on(tmp_path: Path) -> None:
    lines = (PROJECT / "env.sample").read_text(encoding="utf-8").splitlines()
    on = [line.removeprefix("# ") for line in lines if line[:2] == "# " and "=" in line.split()[1]]
    assert len(on) > 5
    text = "\n".join([line for line in on if "PROJECT_FOLDER" not in line])
    (tmp_path / ".env").write_text("DATABRICKS_HOST=local\n" + text, encoding="utf-8")
    settings = load_settings({}, tmp_path)
    assert settings.user == "jane@example.com"
    assert settings.branch == "feature/x"
