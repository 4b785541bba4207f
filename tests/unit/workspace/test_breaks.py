import socket
import ssl

import pytest
from urllib3 import exceptions
from urllib3.connection import HTTPConnection

from mlops_core.workspace.breaks import explain

_CONNECTION = HTTPConnection("adb.example")


def _refused():
    try:
        raise exceptions.NewConnectionError(_CONNECTION, "x") from ConnectionRefusedError(
            111, "Connection refused"
        )
    except exceptions.NewConnectionError as error:
        return error


def _untrusted():
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "unable to get local issuer certificate"
    return exceptions.SSLError(cause)


@pytest.mark.parametrize(
    ("error", "reason", "is_unsent", "is_plain", "is_final"),
    [
        (_refused(), "connection refused", True, True, False),
        (
            exceptions.NameResolutionError("adb", _CONNECTION, socket.gaierror(-2, "x")),
            "the host is unknown",
            True,
            True,
            False,
        ),
        (
            exceptions.ConnectTimeoutError(_CONNECTION, "x"),
            "no connection in the time allowed",
            True,
            False,
            False,
        ),
        (
            exceptions.ReadTimeoutError(None, "/", "x"),
            "no answer in the time allowed",
            False,
            False,
            False,
        ),
        (
            exceptions.ProtocolError("aborted", ConnectionResetError()),
            "the connection broke (ConnectionResetError)",
            False,
            False,
            False,
        ),
        (
            ConnectionResetError(),
            "the connection broke (ConnectionResetError)",
            False,
            False,
            False,
        ),
        (exceptions.SSLError(ssl.SSLEOFError(8, "x")), "(SSLEOFError)", False, False, False),
        (_untrusted(), "unable to get local issuer certificate", True, False, True),
        (
            exceptions.ProxyError("x", _refused()),
            "the proxy gave no connection (connection refused)",
            True,
            True,
            False,
        ),
    ],
)
def test_each_break_is_told_and_judged(error, reason, is_unsent, is_plain, is_final):
    found = explain(error)
    assert reason in found.reason
    assert (found.is_unsent, found.is_plain, found.is_final) == (is_unsent, is_plain, is_final)
    assert found.hint


def test_only_an_untrusted_certificate_asks_for_a_bundle():
    assert "REQUESTS_CA_BUNDLE" in explain(_untrusted()).hint
    assert "HTTPS_PROXY" in explain(_refused()).hint
