"""MLflow's own tracking server or database, as far as a run must know before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from mlops_core.errors import MlopsError, Unavailable, WorkspaceError
from mlops_core.workspace.http import HttpClient

_HINT = "check MLFLOW_TRACKING_URI and the network; for a server: mlflow server --help"


def without_login(uri: str) -> str:
    """``uri`` as it may be printed: without the user name and password that it may hold. Pure."""
    login = _login(uri)
    return uri.replace(f"{login}@", "", 1) if login else uri


def reach(uri: str) -> None:
    """Raise Unavailable if ``uri`` is a server's and nobody answers there; a refusal is an answer.

    MLflow itself tries for minutes.
    """
    if not uri.startswith(("http://", "https://")):
        return
    host = without_login(uri)
    http = HttpClient(host, dict, workers=1)
    try:
        http.get("mlflow/experiments/search", max_results=1)
    except Unavailable as silence:
        raise Unavailable(silence.message, hint=_HINT) from None
    except WorkspaceError:
        pass
    finally:
        http.close()


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn what MLflow raises about the server or database at ``uri`` into an error of ours."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except ModuleNotFoundError as missing:
        raise MlopsError(
            f"MLflow needs the package {missing.name} for {without_login(uri)}",
            hint=f"python -m pip install {missing.name}",
        ) from missing
    except MlflowException as error:
        login = _login(uri)
        text = str(error).replace(login, "...") if login else str(error)
        raise MlopsError(f"MLflow at {without_login(uri)}: {text}", hint=_HINT) from error


def _login(uri: str) -> str:
    return urlsplit(uri).netloc.rpartition("@")[0]
