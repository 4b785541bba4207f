"""The address of a workspace, however it was copied from the browser. Pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

LOCAL = "local"


def workspace_address(text: str) -> str:
    """``text`` as `https://host[:port]`, or `local`: path, query and final slash are dropped.

    Without a scheme it is https, for this machine http. Raises ValueError with a reason that
    can be shown: it quotes nothing that may be a secret.
    """
    text = text.strip()
    if text.lower() == LOCAL:
        return LOCAL
    if re.match(r"(dapi|dose|eyJ)[0-9A-Za-z]{16}", text):
        raise ValueError("it looks like a token, which belongs into DATABRICKS_TOKEN")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    host, port = _host_and_port(rest)
    is_here = is_loopback(host)
    scheme = scheme.lower() or ("http" if is_here else "https")
    if scheme not in {"http", "https"}:
        raise ValueError("it is no https URL")
    if scheme == "http" and not is_here:
        raise ValueError("http would send the token in the clear; write https")
    if port is None or port == {"http": 80, "https": 443}[scheme]:
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address as a URL spells it, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_name(address: str) -> str:
    """The part of an address that tells which workspace it is: no scheme."""
    return address.rpartition("://")[2]


def _host_and_port(rest: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit("//" + rest)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("its host or port is malformed") from None
    if parts.username is not None:
        raise ValueError("it holds a user name or password; a token belongs into DATABRICKS_TOKEN")
    if ":" in host:
        return f"[{host}]", port
    is_name = re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?", host)
    if not is_name and not is_loopback(host):
        raise ValueError("it is no workspace URL")
    return host.rstrip("."), port
