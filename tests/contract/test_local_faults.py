"""Faults of the embedded workspace: what a client meets when a test switches them on."""

import http.client

import pytest

LIST = "/api/2.0/workspace/list"
MKDIRS = "/api/2.0/workspace/mkdirs"


@pytest.fixture
def fault(site):
    def add(**rule):
        assert site.ask("POST", "/local/faults", rule).status == 200

    return add


def test_some_requests_are_refused_and_the_rest_pass(site, fault):
    fault(kind="status", path=LIST, after=1, times=2, status=429, headers={"Retry-After": "3"})
    answers = [site.ask("GET", LIST, path="/") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "3"


def test_one_object_is_forbidden(site, fault, home):
    body = {"error_code": "PERMISSION_DENIED", "message": "no"}
    fault(kind="status", path="path=.*secret", status=403, body=body)
    assert site.ask("GET", LIST, path=f"{home}/secret").json == body
    assert site.ask("GET", LIST, path=home).status == 200


def test_connections_break_before_and_after_the_work(site, fault, home):
    fault(kind="drop_before", method="POST", times=1)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        site.ask("POST", MKDIRS, {"path": f"{home}/before"})
    fault(kind="drop_after", method="POST", times=1)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        site.ask("POST", MKDIRS, {"path": f"{home}/after"})
    (made,) = site.ask("GET", LIST, path=home).json["objects"]
    assert made["path"] == f"{home}/after"


def test_stale_listings(site, fault, home):
    fault(kind="stale", method="GET", path=LIST, times=2)
    assert site.ask("GET", LIST, path=home).json == {}
    site.ask("POST", MKDIRS, {"path": f"{home}/new"})
    assert site.ask("GET", LIST, path=home).json == {}
    assert len(site.ask("GET", LIST, path=home).json["objects"]) == 1


def test_a_rate_is_kept(site, fault):
    fault(kind="rate", path=LIST, per_second=2)
    statuses = [site.ask("GET", LIST, path="/").status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_requests_are_recorded_when_asked(site):
    site.ask("POST", "/local/requests")
    site.ask("GET", LIST, path="/Shared")
    assert site.ask("GET", "/local/requests").json == {
        "requests": [{"method": "GET", "path": f"{LIST}?path=/Shared"}]
    }


def test_a_fault_that_makes_no_sense_is_refused(site):
    assert site.ask("POST", "/local/faults", {"kind": "flood"}).status == 400
    assert site.ask("POST", "/local/faults", {"kind": "slow", "color": 1}).status == 400
    assert site.ask("PUT", "/local/switches", {"content": "rotten"}).status == 400
