"""The environment of a driver process: what a cluster gives, nothing of whoever submitted."""

from __future__ import annotations

import site
import sys
from collections.abc import Mapping
from pathlib import Path

_KEPT = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP", "JAVA_HOME",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
)  # fmt: skip
"""Facts about the machine, without which processes there do not start or reach the network."""

_RUNTIMES = {(3, 10): "14.3", (3, 11): "15.4", (3, 12): "16.4"}
_NEWEST_RUNTIME = "17.3"


def driver_environment(
    machine: Mapping[str, str], *, host: str, token: str, home: Path
) -> dict[str, str]:
    """The variables of a driver, from those of the ``machine`` that runs the server. Pure.

    ``home`` is a folder of the server's, so that a run finds no `~/.databrickscfg`, as on a
    cluster; packages installed for the user, and caches that are slow to build, are found still.
    """
    kept = {name: machine[name] for name in _KEPT if name in machine}
    return {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PYTHONUSERBASE": site.getuserbase(),
        "XDG_CACHE_HOME": machine.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "MPLBACKEND": "Agg",
        "GIT_PYTHON_REFRESH": "quiet",
        # workspace files are in no checkout, though the data folder may lie in one
        "GIT_CEILING_DIRECTORIES": str(home.parents[1]),
        "DATABRICKS_HOST": host,
        "DATABRICKS_TOKEN": token,
        "DATABRICKS_RUNTIME_VERSION": _RUNTIMES.get(sys.version_info[:2], _NEWEST_RUNTIME),
        "MLFLOW_TRACKING_URI": "databricks",
        "MLFLOW_REGISTRY_URI": "databricks",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
