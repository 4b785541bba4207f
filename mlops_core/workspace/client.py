"""The workspace as the rest of the project sees it."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_core.workspace.fields import Fields
from mlops_core.workspace.files import WorkspaceFiles
from mlops_core.workspace.http import HttpClient
from mlops_core.workspace.jobs import Jobs
from mlops_core.workspace.tracking import Tracking


@dataclass(frozen=True, slots=True)
class WorkspaceClient:
    """One workspace and who we are in it, over one shared, thread-safe connection pool."""

    http: HttpClient

    @property
    def files(self) -> WorkspaceFiles:
        """The tree of folders, notebooks and files."""
        return WorkspaceFiles(self.http)

    @property
    def jobs(self) -> Jobs:
        """Job runs and saved jobs."""
        return Jobs(self.http)

    @property
    def tracking(self) -> Tracking:
        """MLflow experiments, runs and model versions."""
        return Tracking(self.http)

    @property
    def host(self) -> str:
        """The workspace's address, without a slash at the end."""
        return self.http.host

    @property
    def workspace_id(self) -> str | None:
        """The workspace's id, known after its first answer (databricks_api 8)."""
        return self.http.workspace_id

    def me(self) -> str:
        """The user name that the credential belongs to; for a service principal its UUID."""
        endpoint = "preview/scim/v2/Me"
        return Fields(endpoint, self.http.get(endpoint).json).text("userName")

    def close(self) -> None:
        """Close the connections; waiting threads wake up and fail."""
        self.http.close()
