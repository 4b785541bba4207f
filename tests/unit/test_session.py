import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mlops_core.errors import BranchError, SettingsError, Unauthorized, Unavailable
from mlops_core.session import mlflow_environment, open_session
from mlops_core.settings import Settings, load_settings

TOKEN = "dapi" + "0123456789abcdef" * 2
ME = "jane@x.com"
SCIM = "/api/2.0/preview/scim/v2/Me"
STATUS = "/api/2.0/workspace/get-status"


class Service:
    """A workspace that knows one token, one user and a few home folders."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.homes = {ME}
        self.is_login_page = False

    def answer(self, path: str, token: str) -> tuple[int, str]:
        address = urlsplit(path)
        self.requests.append(address.path)
        if self.is_login_page:
            return 200, "<html><title>Databricks - Sign In</title></html>"
        if token != f"Bearer {TOKEN}":
            refusal = {"error_code": "UNAUTHENTICATED", "message": f"not {token}"}
            return 401, json.dumps(refusal)
        if address.path == SCIM:
            return 200, json.dumps({"userName": ME})
        home = parse_qs(address.query)["path"][0]
        if home.removeprefix("/Users/") in self.homes:
            return 200, json.dumps({"object_type": "DIRECTORY", "path": home, "object_id": 1})
        return 404, json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": home})


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def host(service: Service) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, text = service.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            kind = "text/html" if text.startswith("<") else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings_of(host: str, tmp_path: Path):
    def load(**more: str) -> Settings:
        given = {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": TOKEN, "MLOPS_BRANCH": "feature/x"}
        return load_settings({**given, **more}, tmp_path)

    return load


def test_one_request_tells_who_and_where(settings_of, service: Service, host: str) -> None:
    with open_session(settings_of()) as session:
        assert (session.user, session.owner, session.branch) == (ME, ME, "feature/x")
        where = host.removeprefix("http://")
        assert session.banner == (
            f"Workspace {where} as {ME} (token from DATABRICKS_TOKEN), branch feature/x"
        )
        assert TOKEN not in repr(session)
    assert service.requests == [SCIM]


@pytest.mark.parametrize(
    ("login", "expected", "requests"),
    [
        (ME, ME, [SCIM]),
        ("runner", ME, [SCIM, STATUS]),
        ("team@x.com", "team@x.com", [SCIM, STATUS]),
    ],
)
def test_the_environments_user_counts_if_it_has_a_home_folder(
    settings_of, service: Service, login: str, expected: str, requests: list[str]
) -> None:
    service.homes.add("team@x.com")
    with open_session(settings_of(USER=login)) as session:
        assert session.user == expected
    assert service.requests == requests


def test_a_user_in_the_file_wins_unasked(settings_of, service: Service, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("USER=team@x.com\n", encoding="utf-8")
    with open_session(settings_of(USER="runner")) as session:
        assert session.user == "team@x.com"
        assert f"as {ME} for team@x.com (" in session.banner
    assert service.requests == [SCIM]


def test_a_refused_token_is_told_by_its_source_alone(settings_of) -> None:
    other = "dapi" + "f" * 32
    settings = settings_of(DATABRICKS_TOKEN=other)
    with pytest.raises(Unauthorized) as told, open_session(settings):
        pass
    assert "token from DATABRICKS_TOKEN" in told.value.message
    assert "settings/user/developer/access-tokens" in told.value.hint
    assert other not in told.value.message + told.value.hint


def test_a_login_page_is_a_refused_token(settings_of, service: Service) -> None:
    service.is_login_page = True
    with pytest.raises(Unauthorized, match="DATABRICKS_TOKEN"), open_session(settings_of()):
        pass


def test_a_profiles_token_is_told_by_the_profiles_name(settings_of, host: str) -> None:
    text = f"[work]\nhost = {host}\ntoken = {TOKEN}\n"
    (Path.home() / ".databrickscfg").write_text(text, encoding="utf-8")
    settings = settings_of(DATABRICKS_TOKEN="", DATABRICKS_CONFIG_PROFILE="work")
    with open_session(settings) as session:
        assert "(profile work)" in session.banner
        environment = mlflow_environment(session)
    assert environment["DATABRICKS_CONFIG_PROFILE"] == "work"
    assert "DATABRICKS_TOKEN" not in environment


def test_nobody_there_is_said_before_databricks_sdk_waits(tmp_path: Path) -> None:
    environ = {"DATABRICKS_HOST": "http://127.0.0.1:9", "MLOPS_BRANCH": "x"}
    for more in ({}, {"DATABRICKS_TOKEN": TOKEN}):
        settings = load_settings({**environ, **more}, tmp_path)
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"), open_session(settings):
            pass


def test_without_any_login_the_ways_are_named(settings_of, service: Service) -> None:
    settings = settings_of(DATABRICKS_TOKEN="")
    with pytest.raises(Unauthorized, match="no login") as told, open_session(settings):
        pass
    assert "DATABRICKS_TOKEN=" in told.value.hint
    assert service.requests[0] == SCIM


def test_the_branch_is_asked_for_before_the_network(settings_of, service: Service) -> None:
    with pytest.raises(BranchError), open_session(settings_of(MLOPS_BRANCH="")):
        pass
    assert service.requests == []


def test_a_workspace_is_needed_whatever_tracks_the_runs(tmp_path: Path) -> None:
    environ = {"MLFLOW_TRACKING_URI": "sqlite:///m.db", "MLOPS_BRANCH": "x"}
    settings = load_settings(environ, tmp_path)
    with pytest.raises(SettingsError, match="DATABRICKS_HOST"), open_session(settings):
        pass


def test_mlflow_logs_in_as_we_do(settings_of, host: str) -> None:
    settings = settings_of(MLFLOW_REGISTRY_URI="databricks", DATABRICKS_CONFIG_PROFILE="other")
    with open_session(settings) as session:
        assert mlflow_environment(session) == {
            "DATABRICKS_HOST": host,
            "DATABRICKS_TOKEN": TOKEN,
            "DATABRICKS_AUTH_TYPE": "pat",
            "DATABRICKS_CONFIG_PROFILE": "",
            "MLFLOW_TRACKING_URI": "databricks",
            "MLFLOW_REGISTRY_URI": "databricks",
        }


def test_local_is_the_embedded_workspace_and_its_own_user(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABRICKS_HOST=local\nUSER=jane@x.com\n", encoding="utf-8")
    settings = load_settings({"MLOPS_BRANCH": "master"}, tmp_path)
    with open_session(settings) as session:
        assert session.user == session.owner == "you@local"
        assert session.banner.startswith("Workspace local as you@local (")
        assert session.client.files.list("/Users/you@local") == ()
        assert session.web_url.startswith(session.login.host)
    assert (tmp_path / ".mlops" / "local-workspace").is_dir()
