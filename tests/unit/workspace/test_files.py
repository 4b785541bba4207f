import threading
from concurrent.futures import Future

import pytest

from mlops_core import errors
from mlops_core.paths import workspace_path
from mlops_core.workspace.client import WorkspaceClient
from mlops_core.workspace.model import DIRECTORY, FILE, NOTEBOOK, REPO, ObjectInfo

_ROOT = workspace_path("/Users/me/x")
_GONE = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Path doesn't exist."}


@pytest.fixture
def files(reached):
    return WorkspaceClient(reached).files


def _object(path, kind, **more):
    return {"path": path, "object_type": kind, **more}


def test_a_folder_is_listed_in_order_with_what_it_says(files, server, reply):
    notebook = _object(
        "/Workspace/Users/me/x/n", NOTEBOOK, object_id=7, language="PYTHON", modified_at=99, new=1
    )
    server.play(reply(body={"objects": [notebook, _object("/Users/me/x/f", FILE, size=3)]}))
    assert files.list(_ROOT) == (
        ObjectInfo(workspace_path("/Users/me/x/f"), FILE, size=3),
        ObjectInfo(workspace_path("/Users/me/x/n"), NOTEBOOK, 7, "PYTHON", modified_at=99),
    )


def test_an_empty_folder_has_no_objects_key(files):
    assert files.list(_ROOT) == ()


def test_unknown_kinds_are_kept(files, server, reply):
    server.play(reply(body={"objects": [_object("/a", "DESIGNER_FILE")]}))
    assert files.list(_ROOT)[0].kind == "DESIGNER_FILE"


def test_a_missing_folder_is_not_found(files, server, reply):
    server.play(reply(404, _GONE))
    with pytest.raises(errors.NotFound, match="workspace/list /Users/me/x"):
        files.list(_ROOT)
    with pytest.raises(errors.NotFound):
        files.walk(_ROOT)


def test_an_object_without_a_path_names_the_endpoint(files, server, reply):
    server.play(reply(body={"objects": [{"object_type": FILE}]}))
    with pytest.raises(errors.WorkspaceError, match="workspace/list answered without"):
        files.list(_ROOT)


def test_a_walk_enters_folders_but_no_git_folder(files, server, reply):
    tree = {
        "/r": [("/r/d", DIRECTORY), ("/r/g", REPO), ("/r/a", NOTEBOOK)],
        "/r/d": [("/r/d/e", DIRECTORY), ("/r/d/f", FILE)],
        "/r/d/e": [("/r/d/e/n", NOTEBOOK)],
    }

    def listing(request):
        return reply(body={"objects": [_object(*each) for each in tree[request.query["path"]]]})

    server.play(listing)
    found = files.walk(workspace_path("/r"))
    assert [one.path for one in found] == [
        "/r/a", "/r/d", "/r/d/e", "/r/d/e/n", "/r/d/f", "/r/g",
    ]  # fmt: skip
    assert len(server.requests) == 3


def test_a_folder_that_vanishes_during_a_walk_is_empty(files, server, reply):
    first = reply(body={"objects": [_object("/r/d", DIRECTORY)]})
    server.play(first, reply(404, _GONE))
    assert [one.path for one in files.walk(workspace_path("/r"))] == ["/r/d"]


def test_a_folder_that_may_not_be_listed_ends_the_walk(files, server, reply):
    first = reply(body={"objects": [_object("/r/d", DIRECTORY)]})
    server.play(first, reply(403, {"error_code": "PERMISSION_DENIED", "message": "no"}))
    with pytest.raises(errors.AccessDenied, match="/r/d"):
        files.walk(workspace_path("/r"))


def test_the_flavour_is_asked_for(files, server, reply):
    server.play(reply(body=_object("/a", NOTEBOOK, repos_export_format="JUPYTER")))
    assert files.stat(workspace_path("/a"), flavour=True).flavour == "JUPYTER"
    assert server.requests[0].query == {"path": "/a", "return_export_info": "true"}
    files.stat(workspace_path("/a"))
    assert server.requests[1].query == {"path": "/a"}


def test_bytes_come_back_as_they_are(files, server, reply, tmp_path):
    content = b"<html>\r\n\xff"
    server.play(reply(body=content))
    assert files.read(_ROOT) == content
    files.download(_ROOT, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == content
    assert server.requests[0].query == {
        "path": _ROOT,
        "format": "SOURCE",
        "direct_download": "true",
    }


def test_a_write_says_everything_in_a_form(files, server, reply):
    date = {"Date": "Mon, 01 Jan 2024 00:00:09 GMT"}
    server.play(reply(body={"object_id": 5}, headers=date))
    written = files.write(_ROOT, b"print(1)", fmt="SOURCE", language="PYTHON", overwrite=True)
    assert written.object_id == 5
    sent = server.requests[0].body.decode()
    for name, value in {
        "path": _ROOT, "format": "SOURCE", "language": "PYTHON", "overwrite": "true",
    }.items():  # fmt: skip
        assert f'name="{name}"\r\n\r\n{value}\r\n' in sent
    assert sent.count("print(1)") == 1


def test_a_create_does_not_mention_overwrite(files, server):
    assert files.write(_ROOT, b"x").object_id is None
    assert b"overwrite" not in server.requests[0].body
    assert b"language" not in server.requests[0].body


def test_the_servers_clock_comes_with_the_answer(files):
    served_at = files.write(_ROOT, b"x").served_at
    assert served_at is not None
    assert served_at % 1000 == 0


def test_an_overwrite_that_is_refused_as_existing_is_tried_once_more(files, server, reply):
    exists = reply(400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "already exists"})
    server.play(exists, reply())
    files.write(_ROOT, b"x", overwrite=True)
    assert len(server.requests) == 2
    server.play(exists)
    with pytest.raises(errors.AlreadyExists):
        files.write(_ROOT, b"x", overwrite=True)
    assert len(server.requests) == 4


def test_a_create_or_a_type_that_differs_is_not_tried_again(files, server, reply):
    server.play(reply(409))
    with pytest.raises(errors.AlreadyExists):
        files.write(_ROOT, b"x")
    text = "Requested node type [FILE] is different from the existing node type [NOTEBOOK]"
    server.play(reply(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": text}))
    with pytest.raises(errors.TypeMismatch):
        files.write(_ROOT, b"x", overwrite=True)
    assert len(server.requests) == 2


def test_folders_are_made_and_objects_deleted(files, server, reply):
    files.make_folder(_ROOT)
    files.delete(_ROOT, recursive=True)
    server.play(reply(404, _GONE))
    files.delete(_ROOT)
    assert [(r.path, r.json) for r in server.requests] == [
        ("/api/2.0/workspace/mkdirs", {"path": _ROOT}),
        ("/api/2.0/workspace/delete", {"path": _ROOT, "recursive": True}),
        ("/api/2.0/workspace/delete", {"path": _ROOT, "recursive": False}),
    ]


def test_a_delete_at_an_endpoint_that_is_not_there_is_no_success(files, server, reply):
    server.play(reply(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "No API found"}))
    with pytest.raises(errors.WorkspaceError, match="ENDPOINT_NOT_FOUND"):
        files.delete(_ROOT)


def test_me_is_the_user_of_the_credential(reached, server, reply):
    server.play(reply(body={"userName": "jane@x.com"}))
    assert WorkspaceClient(reached).me() == "jane@x.com"
    assert server.requests[0].path == "/api/2.0/preview/scim/v2/Me"
    server.play(reply())
    with pytest.raises(errors.WorkspaceError, match="scim/v2/Me answered without"):
        WorkspaceClient(reached).me()


def test_ctrl_c_during_a_walk_waits_for_no_request(files, server, reply, mocker):
    first = reply(body={"objects": [_object("/r/d", DIRECTORY)]})
    arrived, release = threading.Event(), threading.Event()

    def hang(request):
        arrived.set()
        release.wait(60)

    def press(self, timeout=None):
        assert arrived.wait(30)
        raise KeyboardInterrupt

    server.play(first, hang)
    mocker.patch.object(Future, "result", press)
    with pytest.raises(KeyboardInterrupt):
        files.walk(workspace_path("/r"))
    assert not release.is_set()
    release.set()
