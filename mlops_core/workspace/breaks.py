"""What a connection that failed means: why, whether the request was sent, what to do."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from urllib3 import exceptions

_NETWORK = "check DATABRICKS_HOST, the network and HTTPS_PROXY"
_TRUST = "set REQUESTS_CA_BUNDLE to a file with your organisation's root certificate"


@dataclass(frozen=True, slots=True)
class Break:
    """Why there is no answer, in words; and the hint.

    ``is_unsent``: the request never left, so that it can be tried again whatever it is.
    ``is_plain``: nobody is there (refused, unknown host), which waiting seldom mends.
    ``is_final``: another try would end alike.
    """

    reason: str
    hint: str = _NETWORK
    is_unsent: bool = False
    is_plain: bool = False
    is_final: bool = False


def explain(error: Exception) -> Break:
    """Read one of urllib3's exceptions. Pure."""
    if isinstance(error, exceptions.ProxyError):
        inner = explain(error.original_error)
        reason = f"the proxy gave no connection ({inner.reason})"
        return Break(reason, inner.hint, True, inner.is_plain, inner.is_final)
    if isinstance(error, exceptions.NameResolutionError):
        return Break("the host is unknown", is_unsent=True, is_plain=True)
    if isinstance(error, exceptions.NewConnectionError):
        return Break(_system_words(error), is_unsent=True, is_plain=True)
    if isinstance(error, exceptions.ConnectTimeoutError):
        return Break("no connection in the time allowed", is_unsent=True)
    if isinstance(error, exceptions.TimeoutError):
        return Break("no answer in the time allowed")
    cause = error.args[-1] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = f"its certificate is not trusted ({cause.verify_message or 'no reason given'})"
        return Break(reason, _TRUST, is_unsent=True, is_final=True)
    return Break(f"the connection broke ({type(cause or error).__name__})")


def _system_words(error: Exception) -> str:
    cause = error.__cause__
    words = cause.strerror if isinstance(cause, OSError) else None
    return words.lower() if words else "the connection was refused"
