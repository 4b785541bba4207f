"""Which token or profile the settings mean, before anything is asked over the network."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops_core.address import LOCAL, workspace_address
from mlops_core.profile import read_profile
from mlops_core.setting_problem import TOKEN_VARIABLE

_OTHER_LOGINS = ("DATABRICKS_AUTH_TYPE", "DATABRICKS_CLIENT_ID", "ARM_CLIENT_ID")


@dataclass(frozen=True, slots=True)
class LoginSource:
    """Host and token as far as they are known; ``problems`` maps a variable to what is wrong.

    ``profile`` names the profile that is used, ``source`` says in words where the token is from.
    """

    host: str
    token: str = field(default="", repr=False)
    source: str = ""
    profile: str | None = None
    problems: Mapping[str, str] = field(default_factory=dict)


def choose_source(values: Mapping[str, str]) -> LoginSource:
    """A token that is set, else the profile that is named, else DEFAULT if it is for that host.

    A profile's token is never used for a host other than the profile's.
    """
    host, token = values.get("DATABRICKS_HOST", ""), values.get("DATABRICKS_TOKEN", "")
    if token or _is_local(host):
        return LoginSource(host, token, TOKEN_VARIABLE if token else "")
    name = values.get("DATABRICKS_CONFIG_PROFILE") or _profile_in(values)
    if name:
        return _of_named(name, host, values)
    profile = read_profile("DEFAULT", values) if host else None
    if profile and _is_same(profile.host, host):
        return LoginSource(host, profile.token, profile.source, profile.name)
    return LoginSource(host)


def means_workspace(values: Mapping[str, str]) -> bool:
    """Whether runs are tracked by a workspace: by default, and unless another URI is set."""
    return values.get("MLFLOW_TRACKING_URI", "databricks").startswith("databricks")


def missing(source: LoginSource, values: Mapping[str, str]) -> dict[str, str]:
    """What a workspace needs and is not set; empty where the settings mean no workspace."""
    is_here = "DATABRICKS_RUNTIME_VERSION" in values or _is_local(source.host)
    if is_here or not means_workspace(values):
        return {}
    problems = {}
    if not source.host:
        problems["DATABRICKS_HOST"] = (
            "is not set (DATABRICKS_HOST=local is a workspace on this machine, without account)"
        )
    has_other = any(name in values for name in _OTHER_LOGINS) or (source.host and _has_sdk())
    if not (source.token or source.profile or has_other):
        problems[TOKEN_VARIABLE] = "is not set"
    return problems


def _of_named(name: str, host: str, values: Mapping[str, str]) -> LoginSource:
    profile = read_profile(name, values)
    problem = ""
    if profile is None:
        file = values.get("DATABRICKS_CONFIG_FILE", "~/.databrickscfg")
        problem = f"names {name}, which is no profile of {file}"
    elif host and not _is_same(profile.host, host):
        problem = f"names {name}, which is for another host than DATABRICKS_HOST"
    if problem or profile is None:
        return LoginSource(host, profile=name, problems={"DATABRICKS_CONFIG_PROFILE": problem})
    return LoginSource(host or profile.host, profile.token, profile.source, name)


def _is_same(of_profile: str, host: str) -> bool:
    try:
        return workspace_address(of_profile) == workspace_address(host)
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    return host.lower() == LOCAL


def _profile_in(values: Mapping[str, str]) -> str:
    """The profile in a tracking URI: `databricks://profile` (`scope:prefix` is none)."""
    name = values.get("MLFLOW_TRACKING_URI", "").partition("databricks://")[2]
    return "" if ":" in name else name


def _has_sdk() -> bool:
    try:
        return importlib.util.find_spec("databricks.sdk") is not None
    except ModuleNotFoundError:
        return False
