"""What looks like a secret, and what does not."""

from __future__ import annotations

import pytest

from mlops_core.sync.secret_names import find_secret


@pytest.mark.parametrize(
    "path",
    [".env", "deep/.env.local", "key.pem", "id_rsa", ".databrickscfg", "secrets.yaml", "a.PFX"],
)
def test_names(path: str) -> None:
    assert find_secret(path, b"") == "its name is a secret's"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"t = 'dapi" + b"0123456789abcdef" * 2 + b"'", "a Databricks token"),
        (b"-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        (b"AKIA" + b"ABCDEFGHIJKLMNOP", "an AWS key"),
        (b"AccountKey=" + b"x" * 60, "an Azure storage key"),
        (b"ghp_" + b"a1" * 18, "a GitHub token"),
    ],
)
def test_contents(content: bytes, what: str) -> None:
    assert find_secret("notebook.py", content) == f"it holds what looks like {what}"


@pytest.mark.parametrize("path", ["one.py", "environment.yaml", "monkey.txt", "keys/readme.md"])
def test_ordinary_files(path: str) -> None:
    assert find_secret(path, b"dapi = 3; token = os.environ['TOKEN']") == ""
