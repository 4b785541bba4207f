"""The client against a real server that answers what each test tells it to."""

import logging
import socket
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databricks_cli.sdk.service import JobsService, WorkspaceService

from mlops_core import errors
from mlops_core.workspace.http import Call, HttpClient

_SECRET = "dapi-secret"


def test_port_and_path_arrive_as_meant(http, server):
    http.get("workspace/list", path="/a")
    assert server.requests[0].target == "/api/2.0/workspace/list?path=%2Fa"
    assert server.requests[0].headers["Host"] == server.host.removeprefix("http://")


def test_no_character_of_a_path_is_lost(http, server):
    path = "/Users/jané@x.com/a b+c #g&h=i%41 ü漢\N{ROCKET}/e?f"
    http.get("workspace/list", path=path)
    assert server.requests[0].query == {"path": path}


def test_booleans_are_lower_case_and_nothing_is_not_sent(http, server):
    http.get("a", yes=True, no=False, none=None, empty="", zero=0)
    assert server.requests[0].target == "/api/2.0/a?yes=true&no=false&zero=0"


def test_it_says_who_it_is(http, server):
    http.get("a")
    assert server.requests[0].headers["User-Agent"].startswith("mlops_core/")
    assert server.requests[0].headers["Authorization"] == f"Bearer {_SECRET}"


def test_the_credential_is_asked_for_each_request(server):
    tokens = iter(["one", "two"])
    client = HttpClient(server.host, lambda: {"Authorization": f"Bearer {next(tokens)}"})
    client.get("a")
    client.get("b")
    assert [r.headers["Authorization"] for r in server.requests] == ["Bearer one", "Bearer two"]


def test_netrc_does_not_beat_the_credential(http, server, clean_environment: Path):
    text = "machine 127.0.0.1 login u password p\n"
    for name in (".netrc", "_netrc"):
        (clean_environment / name).write_text(text, encoding="utf-8")
    http.get("a")
    assert server.requests[0].headers["Authorization"] == f"Bearer {_SECRET}"


def test_loopback_ignores_proxies(server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert HttpClient(server.host, dict).get("a").status == 200


def test_a_unified_host_gets_the_workspace_id(server, reply):
    server.play(reply(headers={"X-Databricks-Org-Id": "77"}))
    client = HttpClient(server.host, dict, workspace_id="42")
    client.get("a")
    assert server.requests[0].headers["X-Databricks-Workspace-Id"] == "42"
    assert client.workspace_id == "77"


def test_the_workspace_id_is_learnt_and_not_sent(http, server, reply):
    server.play(reply(headers={"X-Databricks-Org-Id": "77"}))
    http.get("a")
    http.get("b")
    assert http.workspace_id == "77"
    assert server.requests[1].headers["X-Databricks-Workspace-Id"] is None


# Retries


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_workspace_is_asked_again(reached, server, reply, clock, status):
    busy = reply(status, headers={"Retry-After": "3"})
    server.play(busy, busy, reply(body={"a": 1}))
    answer = reached.get("a")
    assert (answer.json, answer.retries) == ({"a": 1}, 2)
    assert clock.naps == [3.0, 3.0]


def test_a_cut_connection_is_tried_again(reached, server, reply):
    server.play(None, reply(body=b"12345", announced=99), reply(body={"a": 1}))
    assert reached.get("a").retries == 2


def test_a_workspace_that_stays_busy_is_unavailable_after_five_minutes(
    reached, server, reply, clock
):
    server.play(reply(503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"}))
    with pytest.raises(errors.Unavailable, match=r"later \(TEMPORARILY_UNAVAILABLE\)") as caught:
        reached.get("a")
    assert 280 < clock.time <= 300
    assert "MLOPS_WORKERS" in caught.value.hint


def test_a_long_silence_is_told_once(reached, server, reply):
    told = []
    reached.on_silence = told.append
    pause = reply(503, headers={"Retry-After": "9"})
    server.play(pause, reply(), pause, pause, reply(), pause, pause, reply())
    reached.get("a")
    assert told == []
    reached.get("a")
    reached.get("a")
    assert told == [
        f"{reached.host} is silent or busy: trying again for up to 5 min; Ctrl-C ends this"
    ]


def test_the_first_request_gives_up_after_two_tries(http, server, reply, clock):
    server.play(reply(503))
    with pytest.raises(errors.Unavailable):
        http.get("a")
    assert len(server.requests) == 2


def test_a_first_answer_of_429_shows_that_somebody_is_there(http, server, reply):
    server.play(*[reply(429, headers={"Retry-After": "2"})] * 4, reply())
    assert http.get("a").retries == 4


@pytest.mark.parametrize("status", [400, 403, 404, 500, 502])
def test_other_refusals_are_not_repeated(reached, server, reply, status):
    server.play(reply(status))
    with pytest.raises(errors.WorkspaceError):
        reached.get("a")
    assert len(server.requests) == 1


def test_what_may_not_be_repeated_is_not(reached, server, reply):
    call = Call("POST", "jobs/create", body={}, is_repeatable=False)
    for step in (None, reply(503)):
        server.requests.clear()
        server.play(step, reply())
        with pytest.raises(errors.Unavailable):
            reached.request(call)
        assert len(server.requests) == 1


def test_a_429_was_not_carried_out_and_is_always_repeated(reached, server, reply):
    server.play(reply(429, headers={"Retry-After": "1"}), reply())
    assert reached.request(Call("POST", "jobs/create", body={}, is_repeatable=False)).retries == 1


def test_each_429_is_told(reached, server, reply):
    told = []
    reached.on_throttled = lambda: told.append(1)
    server.play(reply(429), reply(503), reply(429), reply())
    reached.get("a")
    assert len(told) == 2


def test_a_token_that_ran_out_is_renewed_once(server, reply):
    tokens = iter(["old", "new", "new", "newer", "newest"])
    client = HttpClient(server.host, lambda: {"Authorization": f"Bearer {next(tokens)}"})
    server.play(reply(401), reply())
    assert client.get("a").retries == 1
    assert server.requests[1].headers["Authorization"] == "Bearer new"


def test_a_wrong_token_is_asked_once(http, server, reply):
    server.play(reply(401, {"error_code": "UNAUTHENTICATED", "message": "Invalid token"}))
    with pytest.raises(errors.Unauthorized, match="UNAUTHENTICATED") as caught:
        http.get("a")
    assert len(server.requests) == 1
    assert "DATABRICKS_TOKEN" in caught.value.hint


def test_a_refused_connection_is_told_at_once(clock):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        errors.Unavailable, match=f"no answer from http://127.0.0.1:{port}: "
    ) as told:
        HttpClient(f"http://127.0.0.1:{port}", dict, clock=clock).get("a")
    assert clock.naps == []
    assert "DATABRICKS_HOST" in told.value.hint


def test_an_unknown_host_is_told_at_once(clock, mocker):
    mocker.patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "Name or service not known"))
    with pytest.raises(errors.Unavailable, match="the host is unknown"):
        HttpClient("http://nowhere.invalid", dict, clock=clock).get("a")
    assert clock.naps == []


def test_later_a_refused_connection_is_tried_again(reached, server, clock):
    server.play(None)
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(errors.Unavailable, match="refused"):
        reached.get("a")
    assert len(clock.naps) > 10


def test_a_refused_connection_is_final_where_nobody_will_come_back(reached, server, clock):
    reached.hint_when_refused = "start it again"
    server.play(None)
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(errors.Unavailable, match="refused") as told:
        reached.get("a")
    assert told.value.hint == "start it again"
    assert len(clock.naps) <= 1


# Ctrl-C


def test_an_interrupt_ends_requests_in_flight(reached, server, reply):
    arrived, release = threading.Event(), threading.Event()

    def hang(request):
        arrived.set()
        release.wait(60)

    server.play(hang)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reached.get, "a")
        assert arrived.wait(30)
        reached.interrupt()
        with pytest.raises(errors.Unavailable):
            waiting.result(30)
        release.set()
    server.play(reply(body={"a": 1}))
    assert reached.get("b").json == {"a": 1}


def test_an_interrupt_wakes_a_thread_that_waits_to_retry(server, reply):
    arrived = threading.Event()
    client = HttpClient(server.host, dict)
    client.get("a")

    def busy(request):
        arrived.set()
        return reply(429, headers={"Retry-After": "60"})

    server.play(busy)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, "a")
        assert arrived.wait(30)
        client.interrupt()
        with pytest.raises(errors.Unavailable):
            waiting.result(30)


# Content


def test_a_form_is_sent_whole_at_each_try(reached, server, reply, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"\0\r\n--x" * 1000)
    for content in (file.read_bytes(), file):
        server.requests.clear()
        server.play(None, reply(503), reply())
        reached.request(Call("POST", "workspace/import", form={"path": "/ü"}, content=content))
        bodies = [request.body for request in server.requests]
        assert len(bodies) == 3
        assert all(body.count(file.read_bytes()) == 1 for body in bodies)
        assert all('name="path"\r\n\r\n/ü\r\n'.encode() in body for body in bodies)


def test_a_large_file_is_streamed_up(reached, server, tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 * 2**20)
    tracemalloc.start()
    try:
        reached.request(Call("POST", "workspace/import", form={"path": "/l"}, content=large))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert server.read_blocks > 900
    assert peak < 8 * 2**20


def test_a_large_file_is_streamed_down(reached, server, reply, tmp_path):
    content = b"0123456789abcdef" * 2**21
    server.play(reply(body=content))
    target = tmp_path / "large"
    tracemalloc.start()
    try:
        reached.request(Call("GET", "workspace/export", {"path": "/l"}, stream_to=target))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert target.read_bytes() == content
    assert peak < 8 * 2**20


def test_a_broken_download_leaves_nothing_behind(http, server, reply, tmp_path):
    target = tmp_path / "f"
    target.write_text("before", encoding="utf-8")
    server.play(reply(body=b"x" * 1000, announced=2000))
    with pytest.raises(errors.Unavailable, match="the connection broke"):
        http.request(Call("GET", "workspace/export", stream_to=target))
    assert [file.name for file in tmp_path.iterdir()] == ["f"]
    assert target.read_text(encoding="utf-8") == "before"


def test_a_download_that_is_refused_writes_nothing(http, server, reply, tmp_path):
    server.play(reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"}))
    with pytest.raises(errors.NotFound, match=r"workspace/export /x: gone"):
        http.request(Call("GET", "workspace/export", {"path": "/x"}, stream_to=tmp_path / "f"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_is_named(http, server, tmp_path):
    with pytest.raises(errors.MlopsError, match=r"cannot read .*missing"):
        http.request(Call("POST", "workspace/import", content=tmp_path / "missing"))
    assert server.requests == []


def test_a_disk_that_refuses_is_no_broken_connection(reached, server, reply, tmp_path, clock):
    server.play(reply(body=b"x"))
    with pytest.raises(errors.MlopsError, match=r"cannot write .*nowhere"):
        reached.request(Call("GET", "a", stream_to=tmp_path / "nowhere" / "f"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(errors.MlopsError, match=r"cannot read .*folder"):
        reached.request(Call("POST", "a", content=tmp_path / "folder"))
    assert clock.naps == []


def test_twenty_threads_share_twenty_connections(reached, server):
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda n: reached.get("workspace/list", path=f"/{n}"), range(400)))
    assert len(server.requests) == 400
    assert len({request.connection for request in server.requests}) <= 20


# Secrets


def test_a_token_is_in_no_message_log_or_repr(http, server, reply, caplog):
    caplog.set_level(logging.DEBUG)
    server.play(reply(403, {"error_code": "PERMISSION_DENIED", "message": f"{_SECRET} may not"}))
    with pytest.raises(errors.AccessDenied) as caught:
        http.get("workspace/list", path="/a")
    assert caught.value.message == "workspace/list /a: [token] may not (PERMISSION_DENIED)"
    assert _SECRET not in caplog.text + repr(http) + repr(caught.value)
    assert "GET workspace/list /a: HTTP 403" in caplog.text


# databricks-cli's own services


def test_the_services_of_databricks_cli_work(http, server, reply):
    server.play(reply(body={"objects": []}))
    assert WorkspaceService(http).list("/a b") == {"objects": []}
    WorkspaceService(http).import_workspace("/a", content="eA==", overwrite=True)
    WorkspaceService(http).delete("/a", recursive=True)
    JobsService(http).list_jobs(limit=1, version="2.1")
    seen = [(r.method, r.path) for r in server.requests]
    assert seen == [
        ("GET", "/api/2.0/workspace/list"),
        ("POST", "/api/2.0/workspace/import"),
        ("POST", "/api/2.0/workspace/delete"),
        ("GET", "/api/2.1/jobs/list"),
    ]
    assert server.requests[0].query == {"path": "/a b"}
    assert server.requests[2].json == {"path": "/a", "recursive": True}


def test_the_services_of_databricks_cli_send_files(http, server, tmp_path):
    from databricks_cli.sdk.service import DbfsService

    (tmp_path / "f").write_bytes(b"content")
    DbfsService(http).put("/f", overwrite=True, src_path=str(tmp_path / "f"))
    assert b"content" in server.requests[0].body


def test_the_services_of_databricks_cli_raise_our_errors(http, server, reply):
    server.play(reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"}))
    with pytest.raises(errors.NotFound):
        WorkspaceService(http).get_status("/a")
