import subprocess
from pathlib import Path

import pytest

from mlops_core.errors import SettingsError
from mlops_core.settings import load_settings, read_values, require_registry

HOST = "https://adb-1234567890123456.7.azuredatabricks.net"
TOKEN = "dapi" + "0123456789abcdef" * 2
BASE = {"DATABRICKS_HOST": HOST, "DATABRICKS_TOKEN": TOKEN}


def write_env(folder: Path, text: str) -> None:
    (folder / ".env").write_text(text, encoding="utf-8")


def write_profiles(text: str) -> None:
    (Path.home() / ".databrickscfg").write_text(text, encoding="utf-8")


def problems(environ: dict[str, str], folder: Path) -> SettingsError:
    with pytest.raises(SettingsError) as told:
        load_settings(environ, folder)
    assert told.value.exit_code == 2
    assert TOKEN not in told.value.message + told.value.hint
    return told.value


def test_the_defaults(tmp_path: Path) -> None:
    settings = load_settings({**BASE, "DATABRICKS_HOST": HOST + "/?o=1"}, tmp_path)
    assert settings.host == HOST
    assert settings.token is not None
    assert settings.token.get_secret_value() == TOKEN
    assert settings.token_source == "DATABRICKS_TOKEN"
    assert settings.profile is None
    assert settings.project_folder == tmp_path.resolve()
    assert settings.notebook_folder == "notebooks"
    assert settings.user is None
    assert settings.tracking_uri == "databricks"
    assert settings.registry_uri is None
    assert settings.run_timeout is None
    assert settings.workers == 20
    assert settings.is_databricks
    assert not settings.is_local_workspace


def test_the_environment_beats_the_file_except_for_the_user(tmp_path: Path) -> None:
    write_env(tmp_path, "DATABRICKS_HOST=local\nUSER=jane@x.com\nMLOPS_WORKERS=3\n")
    settings = load_settings({**BASE, "USER": "login", "MLOPS_WORKERS": "4"}, tmp_path)
    assert (settings.host, settings.workers) == (HOST, 4)
    assert (settings.user, settings.is_user_explicit) == ("jane@x.com", True)
    assert settings.values["USER"] == "jane@x.com"


def test_the_environments_user_is_only_a_guess(tmp_path: Path) -> None:
    settings = load_settings({**BASE, "USER": "login"}, tmp_path)
    assert (settings.user, settings.is_user_explicit) == ("login", False)
    assert load_settings({**BASE, "USER": "DOMAIN/login"}, tmp_path).user is None
    assert load_settings({**BASE, "USERNAME": "login"}, tmp_path).user == "login"


@pytest.mark.parametrize("unset", ["", "  ", "$(DATABRICKS_TOKEN)", "$(Some.Name)"])
def test_empty_and_unexpanded_variables_are_unset(tmp_path: Path, unset: str) -> None:
    write_env(tmp_path, f"DATABRICKS_TOKEN={TOKEN}\nMODEL_NAME=\n")
    environ = {"DATABRICKS_HOST": HOST, "DATABRICKS_TOKEN": unset, "MLOPS_BRANCH": unset}
    settings = load_settings(environ, tmp_path)
    assert settings.token is not None
    assert settings.branch is None
    assert settings.model_name is None
    assert "MLOPS_BRANCH" not in read_values(environ, tmp_path)


def test_what_is_missing_is_named_at_once_with_lines_to_add(tmp_path: Path) -> None:
    told = problems({}, tmp_path)
    assert "DATABRICKS_HOST=https://" in told.message
    assert "DATABRICKS_HOST=local" in told.message
    assert "add DATABRICKS_TOKEN=dapi..." in told.message
    assert str(tmp_path / ".env") in told.hint
    assert "env.sample" in told.hint


def test_what_is_wrong_is_named_at_once_with_lines_that_would_do(tmp_path: Path) -> None:
    wrong = {
        "DATABRICKS_HOST": "http://adb-1.2.azuredatabricks.net",
        "DATABRICKS_TOKEN": f"Bearer {TOKEN}",
        "PROJECT_FOLDER": str(tmp_path / "none"),
        "NOTEBOOK_FOLDER": "../elsewhere",
        "MLFLOW_TRACKING_URI": "databrick",
        "MODEL_SCHEMA": "main",
        "MODEL_NAME": "a/b",
        "MLOPS_RUN_TIMEOUT": "1,5",
        "MLOPS_WORKERS": "65",
    }
    message = problems(wrong, tmp_path).message
    assert message.startswith("9 settings")
    for variable in wrong:
        assert f"write {variable}=" in message


def test_what_to_change_is_said_where_it_counts(tmp_path: Path) -> None:
    write_env(tmp_path, "MLOPS_WORKERS=65\nUSER=a/b\n")
    file = tmp_path / ".env"
    environ = {**BASE, "USER": "someone"}
    assert problems(environ, tmp_path).hint == f"put that into {file}"
    environ["MLOPS_WORKERS"] = "0"
    assert problems(environ, tmp_path).hint == (
        f"put that into {file}; change MLOPS_WORKERS in the environment, which beats .env"
    )


def test_a_registry_and_an_explicit_user_are_checked(tmp_path: Path) -> None:
    write_env(tmp_path, "USER=a/b\nMLFLOW_REGISTRY_URI=unity\n")
    message = problems(BASE, tmp_path).message
    assert "USER=a/b" in message
    assert "MLFLOW_REGISTRY_URI=unity" in message


@pytest.mark.parametrize("host", [f"https://me:{TOKEN}@a.b", TOKEN])
def test_a_token_in_the_wrong_place_is_not_repeated(tmp_path: Path, host: str) -> None:
    assert "DATABRICKS_HOST" in problems({**BASE, "DATABRICKS_HOST": host}, tmp_path).message


def test_the_token_is_in_no_representation(tmp_path: Path) -> None:
    write_env(tmp_path, f"DATABRICKS_TOKEN={TOKEN}\n")
    settings = load_settings({"DATABRICKS_HOST": HOST}, tmp_path)
    assert TOKEN not in repr(settings) + str(settings)


def test_the_project_is_the_git_root_and_its_env_counts_from_below(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    write_env(tmp_path, "DATABRICKS_HOST=local\n")
    below = tmp_path / "deep" / "er"
    below.mkdir(parents=True)
    settings = load_settings({}, below)
    assert settings.project_folder == tmp_path.resolve()
    assert settings.is_local_workspace


def test_a_project_folder_elsewhere(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    write_env(project, "DATABRICKS_HOST=local\nMLFLOW_TRACKING_URI=sqlite:///m.db\n")
    settings = load_settings({"PROJECT_FOLDER": "project"}, tmp_path)
    assert settings.project_folder == project.resolve()
    assert settings.tracking_uri == f"sqlite:///{(project.resolve() / 'm.db').as_posix()}"
    write_env(tmp_path, "PROJECT_FOLDER=project\nDATABRICKS_HOST=local\n")
    assert load_settings({}, tmp_path).project_folder == project.resolve()


def test_a_file_with_a_byte_order_mark_is_read_and_utf_16_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABRICKS_HOST=local\n", encoding="utf-8-sig")
    assert load_settings({}, tmp_path).is_local_workspace
    (tmp_path / ".env").write_text("DATABRICKS_HOST=local\n", encoding="utf-16")
    assert "is not UTF-8" in problems({}, tmp_path).message


def test_another_tracking_server_needs_no_databricks(tmp_path: Path) -> None:
    settings = load_settings({"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}, tmp_path)
    assert (settings.host, settings.token) == ("", None)
    assert settings.user == "someone"
    assert not settings.is_databricks
    assert require_registry(settings) == "http://127.0.0.1:5000"


def test_inside_databricks_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load_settings({"DATABRICKS_RUNTIME_VERSION": "15.4"}, tmp_path)
    assert settings.is_inside_databricks
    assert settings.host == ""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"MODEL_SCHEMA": "main.ml"}, "databricks-uc"),
        ({"MODEL_NAME": "main.ml.churn"}, "databricks-uc"),
        ({"MLFLOW_REGISTRY_URI": "databricks"}, "databricks"),
        ({"MLFLOW_REGISTRY_URI": "databricks", "MODEL_SCHEMA": "main.ml"}, "databricks"),
        ({"DATABRICKS_HOST": "local"}, "databricks"),
    ],
)
def test_the_registry_follows_from_the_model(
    tmp_path: Path, more: dict[str, str], expected: str
) -> None:
    assert require_registry(load_settings({**BASE, **more}, tmp_path)) == expected


@pytest.mark.parametrize("more", [{}, {"MLFLOW_REGISTRY_URI": "databricks-uc"}])
def test_without_one_the_triggers_name_both_ways_out(tmp_path: Path, more: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as told:
        require_registry(load_settings({**BASE, **more}, tmp_path))
    assert "MODEL_SCHEMA=catalog.schema" in told.value.hint
    assert "MLFLOW_REGISTRY_URI=databricks" in told.value.hint


def test_a_named_profile_gives_host_and_token(tmp_path: Path) -> None:
    write_profiles(f"[work]\nhost = {HOST}/\ntoken = {TOKEN}\n")
    settings = load_settings({"DATABRICKS_CONFIG_PROFILE": "work"}, tmp_path)
    assert (settings.host, settings.profile) == (HOST, "work")
    assert settings.token_source == "profile work"
    assert load_settings({"MLFLOW_TRACKING_URI": "databricks://work"}, tmp_path).host == HOST


def test_the_default_profile_is_used_for_its_own_host_only(tmp_path: Path) -> None:
    write_profiles(f"[DEFAULT]\nhost = {HOST}\ntoken = {TOKEN}\n")
    assert load_settings({"DATABRICKS_HOST": HOST + "/"}, tmp_path).profile == "DEFAULT"
    elsewhere = load_settings({"DATABRICKS_HOST": "https://adb-9.9.azuredatabricks.net"}, tmp_path)
    assert elsewhere.token is None
    assert load_settings({**BASE, "DATABRICKS_TOKEN": "mine"}, tmp_path).profile is None
    assert "DATABRICKS_HOST" in problems({}, tmp_path).message


def test_a_profile_elsewhere_and_one_without_a_token(tmp_path: Path) -> None:
    file = tmp_path / "profiles"
    file.write_text(f"[oauth]\nhost = {HOST}\nauth_type = databricks-cli\n", encoding="utf-8")
    environ = {"DATABRICKS_CONFIG_FILE": str(file), "DATABRICKS_CONFIG_PROFILE": "oauth"}
    settings = load_settings(environ, tmp_path)
    assert (settings.host, settings.token, settings.profile) == (HOST, None, "oauth")


def test_a_profile_that_does_not_fit_is_named(tmp_path: Path) -> None:
    write_profiles(f"[work]\nhost = {HOST}\ntoken = {TOKEN}\n")
    absent = problems({"DATABRICKS_CONFIG_PROFILE": "wrok"}, tmp_path).message
    assert "DATABRICKS_CONFIG_PROFILE names wrok, which is no profile" in absent
    other = {"DATABRICKS_CONFIG_PROFILE": "work", "DATABRICKS_HOST": "https://a.b"}
    assert "another host" in problems(other, tmp_path).message
    write_profiles(f"token = {TOKEN}\n")
    assert "cannot read" in problems({"DATABRICKS_CONFIG_PROFILE": "work"}, tmp_path).message
