"""Which credential is used, and why: a token directly, anything else through databricks-sdk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_core.errors import SettingsError, Unauthorized

if TYPE_CHECKING:
    from databricks.sdk.core import Config

Headers = Mapping[str, str]
_INSTALL = "python -m pip install databricks-sdk"
_WAYS = (
    "add DATABRICKS_TOKEN=<a personal access token> to .env, or name a profile of"
    " ~/.databrickscfg in DATABRICKS_CONFIG_PROFILE, or log in with"
    " `databricks auth login` or `az login`"
)


@dataclass(frozen=True, slots=True)
class Login:
    """A host and how to prove to it who we are.

    ``authorize`` gives the headers for one request and is asked before each, since tokens
    expire. ``source`` says in words where the credential comes from. ``environment`` is what
    MLflow and the processes of a run need to log in the same way: a token only if it is one of
    our own settings, and an empty value for a variable that must not count there.
    """

    host: str
    authorize: Callable[[], Headers] = field(repr=False)
    source: str
    is_pat: bool
    environment: Mapping[str, str] = field(repr=False)


def token_login(host: str, token: str, source: str, *, profile: str = "") -> Login:
    """Log in with a personal access token; ``profile`` names the profile that it is from."""
    headers = {"Authorization": f"Bearer {token}"}
    environment = {"DATABRICKS_HOST": host}
    if profile:
        environment["DATABRICKS_CONFIG_PROFILE"] = profile
    else:
        # A client id or a profile beside a token would make databricks-sdk refuse both.
        environment |= {
            "DATABRICKS_TOKEN": token,
            "DATABRICKS_AUTH_TYPE": "pat",
            "DATABRICKS_CONFIG_PROFILE": "",
        }
    where = source if profile else f"token from {source}"
    return Login(host, lambda: headers, where, is_pat=True, environment=environment)


def sdk_login(host: str, values: Mapping[str, str], *, profile: str = "") -> Login:
    """Log in as databricks-sdk does: OAuth, Azure, OIDC, or a notebook's own context.

    An empty ``host`` is for profile or context to tell; ``values`` are the environment and
    `.env`. Raises SettingsError where databricks-sdk is missing and Unauthorized where it finds
    no login. ``host`` should be known to answer: databricks-sdk waits 5 minutes for one that
    does not.
    """
    config, given = _configure(host, values, profile)
    address, kind = (config.host or "").rstrip("/"), config.auth_type or ""

    def authorize() -> Headers:
        with _explaining():
            return config.authenticate()

    if kind.startswith("runtime"):
        return Login(address, authorize, "the notebook's context", False, {})
    chosen = {"DATABRICKS_CONFIG_PROFILE": profile} if profile else {"DATABRICKS_AUTH_TYPE": kind}
    where = f"{kind}, profile {profile}" if profile else kind
    environment = {**given, **chosen, "DATABRICKS_HOST": address}
    return Login(address, authorize, where, False, environment)


def _configure(host: str, values: Mapping[str, str], profile: str) -> tuple[Config, dict[str, str]]:
    """The login that databricks-sdk finds, and the variables that led it there."""
    try:
        from databricks.sdk.core import Config
    except ImportError:
        problem = f"there is no token for {host}" if host else "there is no token"
        raise SettingsError(
            f"{problem}, and any other login needs databricks-sdk", hint=f"{_INSTALL}; or {_WAYS}"
        ) from None
    known = {option.env: option.name for option in Config.attributes() if option.env}
    given = {variable: values[variable] for variable in known if values.get(variable)}
    for ours in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        given.pop(ours, None)
    options: dict[str, Any] = {known[variable]: value for variable, value in given.items()}
    with _explaining():
        config = Config(host=host or None, profile=profile or None, product="mlops_core", **options)
    return config, given


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as problem:  # all that databricks-sdk raises for a login
        text = " ".join(str(problem).split())
        raise Unauthorized(f"no login to the workspace: {text}", hint=_WAYS) from None
