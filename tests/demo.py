"""The whole loop on the embedded workspace, typed as a user would: `python3 dev.py demo`.

It works in a scratch clone, so the checkout stays as it was; the clone and its workspace are
kept for looking around, and no process is.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, url2pathname, urlopen

from mlops_core.local_workspace.lease import Lease, acquire
from mlops_core.naming import slug

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = ("DATABRICKS_", "MLFLOW_", "MLOPS_", "BUILD_", "SYSTEM_", "GITHUB_", "CI_", "GIT_")
SETTINGS = {"NOTEBOOK_FOLDER", "PROJECT_FOLDER", "MODEL_NAME", "MODEL_SCHEMA"}
NOT_COPIED = shutil.ignore_patterns(".git", ".mlops", ".venv*", "__pycache__", "*.egg-info")
EDITED = "explore"


def main() -> int:
    """Run the loop; exit code 0 only if each step did what it should."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's `&` has the first ignored
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix="mlops-demo-"))
    checkout = scratch / "checkout"
    environ = clean_environment()
    try:
        with step("a scratch clone, with env.sample as its .env"):
            branch = clone(checkout, environ)
            say(f"{checkout}, branch {branch}")
        with acquire(checkout / ".mlops" / "local-workspace") as workspace:
            loop(checkout, environ, Workspace(workspace, branch))
            report(checkout, Workspace(workspace, branch))
    except KeyboardInterrupt:
        say("\ninterrupted")
        return 130
    except subprocess.CalledProcessError as failure:
        say(f"\nerror: exit code {failure.returncode} from {' '.join(failure.cmd)}")
        return 1
    say(f"\nThe demo took {time.monotonic() - began:.0f} s.")
    return 0


def loop(checkout: Path, environ: Mapping[str, str], workspace: Workspace) -> None:
    """Push, train, score, edit in the workspace, pull."""

    def script(path: str) -> None:
        say(f"$ python {path}")
        run_script([sys.executable, path], checkout, environ)

    with step("the notebooks go to the workspace"):
        script("databricks-sync/to_databricks.py")
    with step("training: an MLflow project as a job run, and a registered model"):
        script("mlflow_triggers/start_training_devops.py")
    with step("scoring with the model that training registered"):
        script("mlflow_triggers/start_scoring_devops.py")
    with step("somebody edits a notebook in the workspace"):
        path = f"/Users/{workspace.user}/{slug(workspace.branch)}/{EDITED}"
        source = workspace.export(path)
        edit = "# MAGIC %md\n# MAGIC A thought that came up in the browser."
        workspace.overwrite(path, f"{source.rstrip()}\n\n# COMMAND ----------\n\n{edit}\n")
        say(f"one cell more in {path}")
    with step("the edit comes back into the checkout"):
        script("databricks-sync/from_databricks.py")
        say("$ git diff --stat")
        subprocess.run(
            ["git", "--no-pager", "diff", "--stat"], cwd=checkout, env=environ, check=True
        )


def run_script(command: list[str], checkout: Path, environ: Mapping[str, str]) -> None:
    """Run a script to its end; Ctrl-C reaches it once, through us, and it ends in order."""
    is_windows = os.name == "nt"
    with subprocess.Popen(
        command,
        cwd=checkout,
        env=environ,
        start_new_session=not is_windows,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    ) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.CTRL_BREAK_EVENT if is_windows else signal.SIGINT)
            raise
    if code:
        raise subprocess.CalledProcessError(code, command)


def report(checkout: Path, workspace: Workspace) -> None:
    """Say where everything is, as the workspace's own API has it."""
    say("\n== where to look")
    for kind in ("training", "scoring"):
        experiment = f"/Shared/{workspace.user}/{slug(workspace.branch)}/{kind}"
        run = workspace.newest_run(experiment)
        info = run["info"]
        say(f"{kind} experiment  {experiment}")
        say(f"{kind} run         {info['run_id']} ({info['status']})")
        for metric in run["data"].get("metrics", []):
            say(f"  {metric['key']:<24} {metric['value']:.4f}")
        artifacts = Path(url2pathname(urlsplit(info["artifact_uri"]).path))
        for found in sorted(artifacts.rglob("predictions*")):
            say(f"predictions        {found}")
    for name, version in workspace.models():
        say(f"registered         model {name} version {version}")
    data = checkout / ".mlops" / "local-workspace"
    command = [sys.executable, "-m", "mlops_core.local_workspace", "--data", str(data)]
    say(f"web UI             {workspace.host}, with the link that this prints:")
    say(f"                   {subprocess.list2cmdline(command)}")


class Workspace:
    """The embedded workspace as any HTTP client sees it."""

    def __init__(self, lease: Lease, branch: str) -> None:
        self.host = lease.host
        self._token = lease.token
        self.user = lease.user
        self.branch = branch

    def export(self, path: str) -> str:
        """A notebook's source."""
        answer = self._call("workspace/export", path=path, format="SOURCE")
        return base64.b64decode(str(answer["content"])).decode()

    def overwrite(self, path: str, source: str) -> None:
        """Change a Python notebook, as the browser's editor would."""
        content = base64.b64encode(source.encode()).decode()
        kind = {"format": "SOURCE", "language": "PYTHON"}
        self._call("workspace/import", {"path": path, "content": content, "overwrite": True} | kind)

    def newest_run(self, experiment: str) -> Json:
        """The experiment's newest run; every experiment here has one."""
        found = self._call("mlflow/experiments/get-by-name", experiment_name=experiment)
        search = {"experiment_ids": [found["experiment"]["experiment_id"]], "max_results": 1}
        return self._call("mlflow/runs/search", search)["runs"][0]

    def models(self) -> list[tuple[str, str]]:
        """Name and version of each model version."""
        found = self._call("mlflow/model-versions/search")["model_versions"]
        return [(version["name"], version["version"]) for version in found]

    def _call(self, endpoint: str, body: Json | None = None, **query: str) -> Json:
        url = f"{self.host}/api/2.0/{endpoint}?{urlencode(query)}"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = Request(url, None if body is None else json.dumps(body).encode(), headers)
        with urlopen(request) as answer:
            return json.load(answer)


def clone(checkout: Path, environ: Mapping[str, str]) -> str:
    """Make a git checkout of this one's files, on the same branch if there is one."""

    def git(*arguments: str, cwd: Path = checkout) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""

    branch = git("branch", "--show-current", cwd=ROOT).strip() or "demo"
    names = git("ls-files", "-z", "-co", "--exclude-standard", cwd=ROOT).split("\0")
    if names == [""]:  # an unpacked archive
        shutil.copytree(ROOT, checkout, ignore=NOT_COPIED)
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    shutil.copyfile(checkout / "env.sample", checkout / ".env")
    author = ("-c", "user.name=Demo", "-c", "user.email=demo@example.com")
    git("init", "--quiet")
    git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    git("add", "--all")
    git(*author, "commit", "--quiet", "--message", "The files of the checkout")
    return branch


def clean_environment() -> dict[str, str]:
    """The environment without settings, so that the demo is the same everywhere."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(NOT_OURS) and name not in SETTINGS
    }


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print what happens, and how long it took."""
    say(f"\n== {title}")
    began = time.monotonic()
    yield
    say(f"-- {time.monotonic() - began:.1f} s")


def say(text: str) -> None:
    """Print at once, so that our lines and the scripts' stay in order."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
