"""Who we are, in which workspace, on which branch: settled once, before any work."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops_core.address import host_name
from mlops_core.branch import Commit, current_branch, git_commit
from mlops_core.errors import NotFound, SettingsError, Unauthorized, Unavailable, WorkspaceError
from mlops_core.naming import slug_of_notebook
from mlops_core.paths import WorkspacePath, join
from mlops_core.settings import Settings
from mlops_core.terminal import quoted
from mlops_core.workspace.client import WorkspaceClient
from mlops_core.workspace.http import HttpClient
from mlops_core.workspace.login import Login, sdk_login, token_login

Notify = Callable[[str], None]
DATA_FOLDER = Path(".mlops", "local-workspace")


@dataclass(frozen=True, slots=True)
class Session:
    """A workspace that has answered and knows us.

    ``user`` is whose folders are used, ``owner`` to whom the credential belongs: mostly one.
    ``web_url`` leads a browser into the embedded workspace, once; empty for any other.
    """

    settings: Settings
    client: WorkspaceClient
    login: Login
    owner: str
    user: str
    branch: str
    web_url: str = ""

    @property
    def banner(self) -> str:
        """One line for before any work: where, who, why, and on which branch."""
        where = "local" if self.settings.is_local_workspace else host_name(self.login.host)
        folder = "" if self.user == self.owner else f" for {self.user}"
        source = self.login.source
        return f"Workspace {where} as {self.owner}{folder} ({source}), branch {self.branch}"

    def commit(self) -> Commit | None:
        """The commit that is checked out and whether files differ from it; asks git each time."""
        return git_commit(self.settings.project_folder)


@contextmanager
def open_session(settings: Settings, notify: Notify | None = None) -> Iterator[Session]:
    """Log in, for as long as the block lasts; for `local` that keeps the workspace running.

    Asks the workspace who we are and, only if the environment's USER is somebody else, whether
    that user has a home folder: no other requests. Raises SettingsError, BranchError,
    Unauthorized or Unavailable, each before any work.
    """
    branch = branch_of(settings)
    with ExitStack() as stack:
        login, web_url = _log_in(settings, stack, notify)
        client = _connect(login, settings, stack)
        if notify:
            client.http.on_silence = notify
        owner = _owner(client, login, settings)
        user = _user(settings, client, owner)
        yield Session(settings, client, login, owner, user, branch, web_url)


def mlflow_environment(session: Session) -> Mapping[str, str]:
    """What MLflow and a run's processes need in their environment to log in as we did.

    For a session whose runs a workspace tracks. An empty value is for a variable that must not
    count there.
    """
    tracking_uri, registry_uri = session.settings.tracking_uri, session.settings.registry_uri
    # The profile in `databricks://profile` is in the login's part already.
    uris = {"MLFLOW_TRACKING_URI": tracking_uri.partition("://")[0]}
    if registry_uri:
        uris["MLFLOW_REGISTRY_URI"] = registry_uri.partition("://")[0]
    return {**session.login.environment, **uris}


def branch_of(settings: Settings) -> str:
    """The branch: in a workspace the notebook's own path tells it, else see `current_branch`."""
    inside = slug_of_notebook(_notebook_path()) if settings.is_inside_databricks else None
    return inside or current_branch(settings.values, settings.project_folder)


def _notebook_path() -> str:
    """The path of the notebook that runs us, as the runtime tells it; empty outside of one."""
    try:
        runtime = importlib.import_module("dbruntime.databricks_repl_context")
    except ImportError:
        return ""
    return getattr(runtime.get_context(), "notebookPath", None) or ""


def _log_in(settings: Settings, stack: ExitStack, notify: Notify | None) -> tuple[Login, str]:
    if settings.is_local_workspace:
        # Imported only here: it is a server's, and most commands talk to another one.
        from mlops_core.local_workspace import lease

        taken = stack.enter_context(lease.acquire(settings.project_folder / DATA_FOLDER, notify))
        return token_login(taken.host, taken.token, "the embedded workspace"), taken.web_url
    if settings.token and settings.host:
        token = settings.token.get_secret_value()
        profile = settings.profile or ""
        return token_login(settings.host, token, settings.token_source, profile=profile), ""
    if not settings.host and not settings.is_inside_databricks:
        raise SettingsError(
            "DATABRICKS_HOST is not set, and this command needs a workspace",
            hint="add DATABRICKS_HOST=local to .env, or your workspace's URL",
        )
    if settings.host:
        _reach(settings.host)
    return sdk_login(settings.host, settings.values, profile=settings.profile or ""), ""


def _reach(host: str) -> None:
    """Raise Unavailable if nobody answers at ``host``; a refusal for want of a login is fine."""
    http = HttpClient(host, dict, workers=1)
    try:
        http.get("preview/scim/v2/Me")
    except Unavailable:
        raise
    except WorkspaceError:
        pass
    finally:
        http.close()


def _connect(login: Login, settings: Settings, stack: ExitStack) -> WorkspaceClient:
    http = HttpClient(login.host, login.authorize, workers=settings.workers)
    if settings.is_local_workspace:
        http.hint_when_refused = "the embedded workspace has ended; run this command again"
    client = WorkspaceClient(http)
    stack.callback(client.close)
    return client


def _owner(client: WorkspaceClient, login: Login, settings: Settings) -> str:
    try:
        return client.me()
    except Unauthorized as refused:
        page = f"{login.host}/settings/user/developer/access-tokens"
        hint = f"make a new token at {page} and set DATABRICKS_TOKEN to it"
        if settings.profile:
            hint = f"log in anew: databricks auth login --profile {quoted(settings.profile)}"
        raise Unauthorized(
            f"{host_name(login.host)} refused the login ({login.source}): {refused.message}",
            hint=hint if login.is_pat else refused.hint,
            status=refused.status,
            code=refused.code,
        ) from None


def _user(settings: Settings, client: WorkspaceClient, owner: str) -> str:
    """Whose folders are used: see `Settings`, where env.sample says it too."""
    wanted = settings.user
    if settings.is_local_workspace or not wanted or wanted == owner:
        return owner
    if settings.is_user_explicit:
        return wanted
    try:
        client.files.stat(join(WorkspacePath("/Users"), wanted))
    except NotFound:
        return owner
    return wanted
