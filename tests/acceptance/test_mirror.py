"""`sync_master.py`: /Shared/master is what the commit holds, and no edit made there is lost."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language

from mlops_core.local_workspace.lease import Lease

SCRIPT = "databricks-sync/sync_master.py"
TARGET = "/Shared/master"
HEADER = "# Databricks notebook source\n"


@pytest.fixture
def master(make_checkout: Callable[..., Any], served: Lease, sdk: WorkspaceClient) -> Iterator[Any]:
    """A checkout of master with three notebooks, one module and a table; nothing mirrored yet."""
    for path in (TARGET, "/Shared/mlflow_hooks", "/Shared/.mlops", "/Shared/.mlops-trash"):
        try:
            sdk.workspace.delete(path, recursive=True)
        except NotFound:
            continue
    checkout = make_checkout("master", DATABRICKS_HOST=served.host, DATABRICKS_TOKEN=served.token)
    checkout.write("notebooks/one.py", HEADER + "print(1)\n")
    checkout.write("notebooks/deep/two.sql", "-- Databricks notebook source\nSELECT 2\n")
    checkout.write("notebooks/deep/three.r", "# Databricks notebook source\n3\n")
    checkout.write("notebooks/module.py", "VALUE = 1\n")
    checkout.write("notebooks/table.csv", b"a,b\r\n1,2\r\n")
    checkout.commit()
    return checkout


def objects(sdk: WorkspaceClient, root: str = TARGET) -> dict[str, str]:
    """Every object below a folder with its type, folders left out."""
    found = {}
    for one in sdk.workspace.list(root):
        assert one.path
        kind = one.object_type.value if one.object_type else "?"
        if kind == "DIRECTORY":
            found |= objects(sdk, one.path)
        else:
            found[one.path] = kind
    return found


def source(sdk: WorkspaceClient, path: str) -> str:
    answer = sdk.workspace.export(path, format=ExportFormat.SOURCE)
    return base64.b64decode(answer.content or "").decode()


def edit(sdk: WorkspaceClient, path: str, text: str) -> None:
    sdk.workspace.import_(
        path,
        content=base64.b64encode(text.encode()).decode(),
        format=ImportFormat.SOURCE,
        language=Language.PYTHON,
        overwrite=True,
    )


EXACTLY = {
    f"{TARGET}/one": "NOTEBOOK",
    f"{TARGET}/deep/two": "NOTEBOOK",
    f"{TARGET}/deep/three": "NOTEBOOK",
    f"{TARGET}/module.py": "FILE",
    f"{TARGET}/table.csv": "FILE",
}


def test_the_target_holds_exactly_the_commit_and_a_second_run_writes_nothing(
    master: Any, sdk: WorkspaceClient
) -> None:
    master.write("notebooks/not_committed.py", HEADER)
    master.write("notebooks/one.py", HEADER + "print('not committed')\n")
    done = master.run(SCRIPT)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "5 created"
    assert objects(sdk) == EXACTLY
    assert source(sdk, f"{TARGET}/one") == HEADER + "print(1)\n"
    assert sdk.workspace.download(f"{TARGET}/table.csv").read() == b"a,b\r\n1,2\r\n"
    sdk.api_client.do("POST", "/local/requests")
    again = master.run(SCRIPT)
    assert (again.code, again.out) == (0, "5 unchanged\n")
    asked = sdk.api_client.do("GET", "/local/requests")["requests"]
    assert {one["method"] for one in asked if "workspace" in one["path"]} == {"GET"}
    assert not [one for one in asked if "export" in one["path"] and "master/" in one["path"]]


def test_a_fresh_machine_sends_only_what_changed_and_deletes_what_is_gone(
    master: Any, sdk: WorkspaceClient, make_checkout: Callable[..., Any]
) -> None:
    assert master.run(SCRIPT).code == 0
    master.write("notebooks/one.py", HEADER + "print(11)\n")
    master.git("rm", "--quiet", "-r", "notebooks/deep")
    master.commit("Change")
    fresh = make_checkout("elsewhere", **{**master.environ, "MLOPS_BRANCH": "master"})
    fresh.git("fetch", "--quiet", "--depth=1", f"file://{master.folder}", "master")
    fresh.git("checkout", "--quiet", "FETCH_HEAD")
    done = fresh.run(SCRIPT)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "1 replaced, 2 deleted, 2 unchanged"
    assert source(sdk, f"{TARGET}/one") == HEADER + "print(11)\n"
    kept = {"one", "module.py", "table.csv"}
    assert objects(sdk).keys() == {f"{TARGET}/{name}" for name in kept}
    assert f"{TARGET}/deep" not in {one.path for one in sdk.workspace.list(TARGET)}


def test_what_others_edited_goes_to_the_trash_first(master: Any, sdk: WorkspaceClient) -> None:
    assert master.run(SCRIPT).code == 0
    edit(sdk, f"{TARGET}/one", HEADER + "print('edited here')\n")
    edit(sdk, f"{TARGET}/stray", HEADER + "print('new here')\n")
    done = master.run(SCRIPT)
    assert done.code == 0, done.err
    assert objects(sdk) == EXACTLY
    assert source(sdk, f"{TARGET}/one") == HEADER + "print(1)\n"
    trash = objects(sdk, "/Shared/.mlops-trash")
    assert {path.rpartition("/master/")[2] for path in trash} == {"one", "stray"}
    texts = {source(sdk, path) for path in trash}
    assert texts == {HEADER + "print('edited here')\n", HEADER + "print('new here')\n"}
    place = sorted(trash)[0].rpartition("/")[0]
    assert f"what others had changed there is in {place}" in done.out


def test_a_dry_run_says_all_and_changes_nothing(master: Any, sdk: WorkspaceClient) -> None:
    done = master.run(SCRIPT, "--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "would be: 5 created"
    assert f"create   notebooks/deep/two.sql -> {TARGET}/deep/two" in done.out
    with pytest.raises(NotFound):
        sdk.workspace.get_status(TARGET)
    with pytest.raises(NotFound):
        sdk.workspace.get_status("/Shared/.mlops")


def test_an_older_commit_does_not_replace_a_newer_one(master: Any, sdk: WorkspaceClient) -> None:
    master.write("notebooks/one.py", HEADER + "print('newer')\n")
    master.git("add", "--all")
    master.git("commit", "--quiet", "--message=Later", "--date=2030-01-01T00:00:00")
    environ = {**master.environ, "GIT_COMMITTER_DATE": "2030-01-01T00:00:00"}
    type(master)(master.folder, environ).git("commit", "--quiet", "--amend", "--no-edit")
    assert master.run(SCRIPT).code == 0
    master.git("checkout", "--quiet", "HEAD~")
    older = master.run(SCRIPT, MLOPS_BRANCH="master")
    assert older.code == 1
    assert "which is newer than" in older.err
    assert "add --force" in older.err
    assert source(sdk, f"{TARGET}/one") == HEADER + "print('newer')\n"
    assert master.run(SCRIPT, "--force", MLOPS_BRANCH="master").code == 0
    assert source(sdk, f"{TARGET}/one") == HEADER + "print(1)\n"


def test_more_than_half_is_not_deleted_without_consent(master: Any, sdk: WorkspaceClient) -> None:
    assert master.run(SCRIPT).code == 0
    master.git("rm", "--quiet", "-r", "notebooks/deep", "notebooks/one.py")
    master.commit("Much less")
    refused = master.run(SCRIPT)
    assert refused.code == 1
    assert "would delete 3 of 5 objects" in refused.err
    assert objects(sdk) == EXACTLY
    assert master.run(SCRIPT, "--dry-run").code == 0
    assert master.run(SCRIPT, "--allow-delete").code == 0
    assert objects(sdk).keys() == {f"{TARGET}/module.py", f"{TARGET}/table.csv"}


def test_hooks_and_projects_are_mirrored_side_by_side(master: Any, sdk: WorkspaceClient) -> None:
    master.write("mlflow_hooks/hook.py", HEADER + "pass\n")
    master.write("projects/P/MLProject", "name: P\n")
    master.write("projects/P/train.py", "pass\n")
    master.commit("Hooks")
    done = master.run(SCRIPT, "--hooks")
    assert done.code == 0, done.err
    assert "projects/P/train.py -> /Shared/mlflow_hooks/projects/P/train.py" in done.out
    assert objects(sdk, "/Shared/mlflow_hooks") == {
        "/Shared/mlflow_hooks/hook": "NOTEBOOK",
        "/Shared/mlflow_hooks/projects/P/MLProject": "FILE",
        "/Shared/mlflow_hooks/projects/P/train.py": "FILE",
    }
    assert master.run(SCRIPT, "--hooks").out == "3 unchanged\n"


def test_an_experiment_in_the_target_stays(master: Any, sdk: WorkspaceClient) -> None:
    sdk.workspace.mkdirs(TARGET)
    made = sdk.experiments.create_experiment(f"{TARGET}/experiment").experiment_id
    assert master.run(SCRIPT).code == 0
    assert master.run(SCRIPT).code == 0
    assert made
    assert sdk.experiments.get_experiment(made).experiment.lifecycle_stage == "active"


def test_a_file_that_looks_like_a_secret_is_pointed_out(master: Any) -> None:
    master.write("notebooks/settings.txt", "token = dapi" + "0123456789abcdef" * 2 + "\n")
    master.commit("Oops")
    done = master.run(SCRIPT)
    assert done.code == 0
    said = f"warning: everybody can read {TARGET}/settings.txt: it holds what looks like a"
    assert f"{said} Databricks token" in done.err


def test_only_master_is_mirrored(make_checkout: Callable[..., Any], served: Lease) -> None:
    branch = make_checkout("feature/x", DATABRICKS_HOST=served.host, DATABRICKS_TOKEN=served.token)
    branch.write("notebooks/one.py", HEADER)
    branch.commit()
    done = branch.run(SCRIPT)
    assert done.code == 2
    assert "this is branch feature/x, and only master is mirrored" in done.err


def test_a_broken_manifest_is_not_guessed_at(master: Any, sdk: WorkspaceClient) -> None:
    assert master.run(SCRIPT).code == 0
    raw = base64.b64encode(b'{"version": 99}').decode()
    sdk.workspace.import_(
        "/Shared/.mlops/master.json", content=raw, format=ImportFormat.AUTO, overwrite=True
    )
    done = master.run(SCRIPT)
    assert done.code == 1
    assert "/Shared/.mlops/master.json cannot be read" in done.err
    assert "delete /Shared/.mlops/master.json" in done.err


def test_refusals_drops_and_a_kill_in_between_end_in_the_same_place(
    master: Any, sdk: WorkspaceClient
) -> None:
    for number in range(40):
        master.write(f"notebooks/many/n{number:02}.py", f"{HEADER}print({number})\n")
    master.commit("Many")
    edit_before = HEADER + "print('somebody was here')\n"
    sdk.workspace.mkdirs(TARGET)
    edit(sdk, f"{TARGET}/one", edit_before)
    for kind, after in (("status", 3), ("drop_after", 6), ("drop_before", 9)):
        fault = {"kind": kind, "method": "POST", "path": "/import", "after": after, "times": 2}
        sdk.api_client.do("POST", "/local/faults", body=fault)
    with master.start(SCRIPT, "--allow-delete") as process:
        for line in process.stdout:
            if line.startswith("created"):
                process.send_signal(signal.SIGKILL)
                break
        process.communicate()
    sdk.api_client.do("DELETE", "/local/faults")
    master.write("notebooks/many/n00.py", f"{HEADER}print('newer')\n")
    master.commit("Newer")
    done = master.run(SCRIPT, "--allow-delete")
    assert done.code == 0, done.err
    many = {f"{TARGET}/many/n{number:02}": "NOTEBOOK" for number in range(40)}
    assert objects(sdk) == {**EXACTLY, **many}
    trash = objects(sdk, "/Shared/.mlops-trash")
    # and nothing but that: what the killed run had sent is known to be ours
    assert [source(sdk, path) for path in trash] == [edit_before]
    manifest = json.loads(sdk.workspace.download("/Shared/.mlops/master.json").read())
    assert manifest["commit"] == master.git("rev-parse", "HEAD").strip()
    assert master.run(SCRIPT).out == "45 unchanged\n"


def test_a_token_that_is_refused_midway_leaves_a_count_and_a_run_that_goes_on(
    master: Any, sdk: WorkspaceClient
) -> None:
    refused = {"kind": "status", "status": 401, "body": {"error_code": "x"}, "after": 2}
    sdk.api_client.do("POST", "/local/faults", body={**refused, "path": "workspace/import"})
    done = master.run(SCRIPT)
    sdk.api_client.do("DELETE", "/local/faults")
    assert done.code == 1
    assert "of 5 objects were not done" in done.err
    assert master.run(SCRIPT).code == 0
    assert objects(sdk) == EXACTLY
    assert "/Shared/.mlops-trash" not in [one.path for one in sdk.workspace.list("/Shared")]
