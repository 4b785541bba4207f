import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlops_core.errors import SettingsError, Unauthorized
from mlops_core.workspace.login import sdk_login, token_login

HOST = "https://adb-1.2.azuredatabricks.net"
TOKEN = "dapi" + "0123456789abcdef" * 2


class Grants:
    """An OAuth server's memory: how many tokens it gave, and how long they last."""

    def __init__(self) -> None:
        self.given = 0
        self.lifetime = 3600
        self.is_refusing = False


@pytest.fixture
def grants() -> Grants:
    return Grants()


@pytest.fixture
def oauth_host(grants: Grants) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = f"http://127.0.0.1:{self.server.server_port}"
            oidc = {
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
            }
            known = {
                "/.well-known/databricks-config": {
                    "oidc_endpoint": f"{base}/oidc",
                    "workspace_id": "1",
                },
            }
            self.reply(200, known.get(self.path, oidc))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if grants.is_refusing:
                return self.reply(401, {"error": "invalid_client", "error_description": "no"})
            grants.given += 1
            token = {"access_token": f"oauth-{grants.given}", "token_type": "Bearer"}
            return self.reply(200, {**token, "expires_in": grants.lifetime})

        def reply(self, status: int, value: dict[str, object]) -> None:
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

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


def test_our_own_token_travels_to_the_processes_of_a_run() -> None:
    login = token_login(HOST, TOKEN, "DATABRICKS_TOKEN")
    assert login.authorize() == {"Authorization": f"Bearer {TOKEN}"}
    assert login.source == "token from DATABRICKS_TOKEN"
    assert login.is_pat
    assert login.environment["DATABRICKS_TOKEN"] == TOKEN
    assert TOKEN not in repr(login)


def test_a_profiles_token_stays_in_its_file() -> None:
    login = token_login(HOST, TOKEN, "profile work", profile="work")
    assert login.source == "profile work"
    assert login.environment == {"DATABRICKS_HOST": HOST, "DATABRICKS_CONFIG_PROFILE": "work"}


def test_oauth_from_a_client_secret_in_the_file(oauth_host: str, grants: Grants) -> None:
    client = {"DATABRICKS_CLIENT_ID": "id", "DATABRICKS_CLIENT_SECRET": "secret"}
    login = sdk_login(oauth_host, {**client, "PATH": "/bin", "MLOPS_BRANCH": "x"})
    assert login.authorize()["Authorization"] == "Bearer oauth-1"
    assert (login.source, login.is_pat) == ("oauth-m2m", False)
    assert login.environment == {
        **client,
        "DATABRICKS_HOST": oauth_host,
        "DATABRICKS_AUTH_TYPE": "oauth-m2m",
    }
    assert "secret" not in repr(login)


def test_the_header_is_asked_anew_when_a_token_has_run_out(oauth_host: str, grants: Grants) -> None:
    grants.lifetime = 1
    client = {"DATABRICKS_CLIENT_ID": "id", "DATABRICKS_CLIENT_SECRET": "secret"}
    login = sdk_login(oauth_host, client)
    first, second = login.authorize(), login.authorize()
    assert first != second


def test_a_refused_client_is_a_message_without_the_secret(oauth_host: str, grants: Grants) -> None:
    grants.is_refusing = True
    client = {"DATABRICKS_CLIENT_ID": "id", "DATABRICKS_CLIENT_SECRET": "hidden-secret"}
    with pytest.raises(Unauthorized) as told:
        sdk_login(oauth_host, client).authorize()
    assert "hidden-secret" not in told.value.message
    assert told.value.hint


def test_no_login_at_all_names_the_ways(oauth_host: str) -> None:
    with pytest.raises(Unauthorized, match="no login to the workspace") as told:
        sdk_login(oauth_host, {})
    assert "DATABRICKS_TOKEN" in told.value.hint


def test_a_token_needs_no_databricks_sdk_and_others_say_how_to_get_it() -> None:
    program = f"""
import sys
sys.modules["databricks.sdk.core"] = None  # as if it were not installed
from mlops_core.errors import SettingsError
from mlops_core.workspace.login import sdk_login, token_login
token_login({HOST!r}, "t", "DATABRICKS_TOKEN")
assert "databricks.sdk" not in sys.modules
try:
    sdk_login({HOST!r}, {{}})
except SettingsError as told:
    print(told.message, told.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert "python -m pip install databricks-sdk" in done.stdout
    assert SettingsError.exit_code == 2
