"""Every shape of refusal (databricks_api 0) becomes code and message, and one error class."""

import json

import pytest

from mlops_core import errors
from mlops_core.workspace.call import Answer, Call
from mlops_core.workspace.error_table import choose_error
from mlops_core.workspace.replies import Refusal, decode_answer, parse_refusal

_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@pytest.mark.parametrize(
    ("body", "code", "reason", "message"),
    [
        ({"error_code": "X_Y", "message": "no"}, "X_Y", "", "no"),
        (
            {"error_code": "", "message": "Path (/a) already exists."},
            "",
            "",
            "Path (/a) already exists.",
        ),
        (
            {
                "error_code": "BAD_REQUEST",
                "message": "m",
                "details": [{"@type": _INFO, "reason": "R_S"}],
            },
            "BAD_REQUEST",
            "R_S",
            "m",
        ),
        ({"error": "old style"}, "", "", "old style"),
        ({"error": {"error_code": "N_M", "message": "inside"}}, "N_M", "", "inside"),
        ({"error": "RESOURCE_GONE: it went"}, "RESOURCE_GONE", "", "RESOURCE_GONE: it went"),
        (
            {"schemas": ["x"], "detail": "no such user", "status": "404", "scimType": "noTarget"},
            "noTarget",
            "",
            "no such user",
        ),
        ({"details": "text"}, "", "", "Bad Request"),
        (b"SOME_CODE: some text", "SOME_CODE", "", "some text"),
        (b"only text", "", "", "only text"),
        (b"<html><body><pre>a &lt;b&gt;\n c</pre></body></html>", "", "", "a <b> c"),
        (b"<!DOCTYPE html><html><title>Gone <b>away</b></title>", "", "", "Gone away"),
        (b"<html><body><p>x</p></body></html>", "", "", "Bad Request"),
        (b"", "", "", "Bad Request"),
        (b"[1]", "", "", "[1]"),
        (b"\xff\xfe", "", "", "\ufffd\ufffd"),
    ],
)
def test_each_shape_gives_code_reason_and_message(body, code, reason, message):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert parse_refusal(400, content) == Refusal(400, code, reason, message)


def test_a_status_without_a_name_is_survived():
    assert parse_refusal(599, b"").message == "no reason given"


def test_a_message_is_cut_before_it_floods_the_terminal():
    assert len(parse_refusal(500, b"x" * 100_000).message) < 2100


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (404, "RESOURCE_DOES_NOT_EXIST", "Path (/a) doesn't exist.", errors.NotFound),
        (404, "", "", errors.NotFound),
        (400, "INVALID_PARAMETER_VALUE", "Run 7 does not exist.", errors.NotFound),
        (400, "INVALID_PARAMETER_VALUE", "Run: 7 in job: 8 doesn't exist", errors.NotFound),
        (404, "ENDPOINT_NOT_FOUND", "No API found", errors.WorkspaceError),
        (409, "ALREADY_EXISTS", "Node with name a already exists.", errors.AlreadyExists),
        (409, "", "", errors.AlreadyExists),
        (400, "RESOURCE_ALREADY_EXISTS", "a already exists.", errors.AlreadyExists),
        (400, "", "Path (/a) already exists.", errors.AlreadyExists),
        (
            400,
            "INVALID_PARAMETER_VALUE",
            "Cannot overwrite the asset at /a due to type mismatch (asked: FILE, actual: REPO).",
            errors.TypeMismatch,
        ),
        (
            400,
            "INVALID_PARAMETER_VALUE",
            "Requested node type [FILE] is different from the existing node type [NOTEBOOK]",
            errors.TypeMismatch,
        ),
        (400, "MAX_NOTEBOOK_SIZE_EXCEEDED", "", errors.TooLarge),
        (400, "MAX_READ_SIZE_EXCEEDED", "", errors.TooLarge),
        (
            400,
            "BAD_REQUEST",
            "File size imported is (459418279 bytes), exceeded max size (10485760 bytes)",
            errors.TooLarge,
        ),
        (400, "BAD_REQUEST", "Notebook size exceeded limit: 11 > 10485760", errors.TooLarge),
        (400, "", "Size exceeds 10485760 bytes", errors.TooLarge),
        (413, "", "", errors.TooLarge),
        (401, "", "", errors.Unauthorized),
        (403, "", "Invalid access token.", errors.Unauthorized),
        (403, "PERMISSION_DENIED", "Invalid access token.", errors.Unauthorized),
        (403, "PERMISSION_DENIED", "no", errors.AccessDenied),
        (400, "DIRECTORY_PROTECTED", "Folder Users is protected", errors.AccessDenied),
        (403, "MAX_CHILD_NODE_SIZE_EXCEEDED", "", errors.WorkspaceError),
        (400, "DIRECTORY_NOT_EMPTY", "Folder (/a) is not empty", errors.WorkspaceError),
        (429, "", "", errors.Unavailable),
        (503, "TEMPORARILY_UNAVAILABLE", "", errors.Unavailable),
        (500, "INTERNAL_ERROR", "", errors.WorkspaceError),
        (418, "", "", errors.WorkspaceError),
    ],
)
def test_each_refusal_has_its_class(status, code, message, kind):
    error = choose_error(Refusal(status, code, "", message), "workspace/list /a")
    assert type(error) is kind
    assert (error.status, error.code) == (status, code)


def test_the_reason_beats_the_code_and_the_code_the_status():
    refusal = Refusal(403, "BAD_REQUEST", "WORKSPACE_OBJECT_TYPE_MISMATCH", "m")
    error = choose_error(refusal, "workspace/import /a")
    assert type(error) is errors.TypeMismatch
    assert error.code == "WORKSPACE_OBJECT_TYPE_MISMATCH"
    assert error.message == "workspace/import /a: m (WORKSPACE_OBJECT_TYPE_MISMATCH)"


def test_a_full_folder_is_no_matter_of_permissions():
    error = choose_error(Refusal(403, "MAX_CHILD_NODE_SIZE_EXCEEDED", "", "full"), "x /a")
    assert not isinstance(error, errors.AccessDenied)
    assert error.hint.startswith("move some of its objects")


@pytest.mark.parametrize("body", [b"<!doctype html><title>Sign in</title>", b"\n <HTML lang='en'>"])
def test_a_login_page_is_told_from_data(body):
    with pytest.raises(errors.Unauthorized, match="login page") as caught:
        decode_answer(Call("GET", "workspace/list", {"path": "/a"}), Answer(200, content=body))
    assert "DATABRICKS_HOST" in caught.value.hint


def test_a_redirect_is_a_login_page_and_keeps_its_query_to_itself():
    answer = Answer(302, headers={"location": "https://login.example/x?next=1&token=t"})
    with pytest.raises(errors.Unauthorized, match=r"at https://login\.example/x, not data"):
        decode_answer(Call("GET", "a"), answer)


@pytest.mark.parametrize("body", [b"[]", b"12", b"{", b"OK"])
def test_anything_but_an_object_is_refused(body):
    with pytest.raises(errors.WorkspaceError, match="no JSON object"):
        decode_answer(Call("GET", "a"), Answer(200, content=body))


def test_an_empty_body_is_an_empty_object():
    assert decode_answer(Call("GET", "a"), Answer(200, content=b" \n")).json == {}
