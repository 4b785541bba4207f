"""Files that look as if they held a secret, which everybody could then read. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_NAMES = re.compile(
    r"(?i)\.env(\..+)?|\.?databrickscfg|\.netrc|\.pypirc|id_(rsa|dsa|ecdsa|ed25519)"
    r"|.+\.(pem|pfx|p12|key|jks|keystore|kdbx)|(credentials?|secrets?)(\.\w+)?"
)
_CONTENTS = (
    (re.compile(rb"\bdapi[0-9a-f]{32}"), "a Databricks token"),
    (re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(rb"\b(AKIA|ASIA)[0-9A-Z]{16}\b"), "an AWS key"),
    (re.compile(rb"AccountKey=[A-Za-z0-9+/]{40,}"), "an Azure storage key"),
    (re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36,}"), "a GitHub token"),
)


def find_secret(path: str, content: bytes) -> str:
    """What makes the file look like a secret: in words, or empty."""
    for pattern, what in _CONTENTS:
        if pattern.search(content):
            return f"it holds what looks like {what}"
    return "its name is a secret's" if _NAMES.fullmatch(PurePosixPath(path).name) else ""
