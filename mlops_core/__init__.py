"""Notebooks, training and scoring on Databricks from git, with no edit ever lost."""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_PUBLIC: dict[str, str] = {
    "load_settings": "mlops_core.settings",
    "connect": "mlops_core.api",
    "import_notebooks": "mlops_core.api",
    "export_notebooks": "mlops_core.api",
    "current_branch": "mlops_core.api",
    "notebook_folder": "mlops_core.api",
    "experiment_path": "mlops_core.api",
    "model_name": "mlops_core.api",
    "launch": "mlops_core.api",
    "latest_version": "mlops_core.api",
    "require_version": "mlops_core.api",
    "MlopsError": "mlops_core.errors",
    "SettingsError": "mlops_core.errors",
    "ProjectError": "mlops_core.errors",
    "WorkspaceError": "mlops_core.errors",
    "NotFound": "mlops_core.errors",
    "AlreadyExists": "mlops_core.errors",
    "AccessDenied": "mlops_core.errors",
    "Unauthorized": "mlops_core.errors",
    "Unavailable": "mlops_core.errors",
    "SyncError": "mlops_core.errors",
    "RunError": "mlops_core.errors",
    "RegistryError": "mlops_core.errors",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import mlops_core` costs nothing."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mlops_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
