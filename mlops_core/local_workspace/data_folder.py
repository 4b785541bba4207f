"""The folder of one embedded workspace: its token, where its server answers, and who it is.

Server and scripts share this module, so it imports nothing that is slow.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from mlops_core.errors import MlopsError

SERVING_LOCK = "serving.lock"
STARTING_LOCK = "starting.lock"
LOG = "server.log"
DISCOVERY = "/.well-known/databricks-config"
LEASE = "/local/lease"


@dataclass(frozen=True, slots=True)
class ServerFile:
    """What `server.json` tells of the server that serves, or last served, the folder."""

    port: int
    pid: int
    workspace_id: str


def prepare(folder: Path) -> None:
    """Create the folder for its user alone, ignored by git; an existing one is made so.

    Raises MlopsError if it cannot be written.
    """
    ignore = (folder.parent if folder.parent.name == ".mlops" else folder) / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise MlopsError(
            f"the embedded workspace cannot keep its state in {folder}: {error.strerror}",
            hint="make that folder writable, or remove what is in its place",
        ) from None


def read_token(folder: Path) -> str | None:
    """The token of the folder's workspace; None before its first start."""
    try:
        return (folder / "token").read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def make_token(folder: Path) -> str:
    """The token, drawn once; the file is readable by its user alone from its first moment."""
    found = read_token(folder)
    if found:
        return found
    token = f"local-{secrets.token_hex(24)}"
    descriptor = os.open(folder / "token", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token)
    return token


def read_server(folder: Path) -> ServerFile | None:
    """Where the folder's server answers, or last answered; None for none yet."""
    try:
        fields = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        return ServerFile(int(fields["port"]), int(fields["pid"]), str(fields["workspace_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it only saves us a start on another port


def write_server(folder: Path, server: ServerFile) -> None:
    """Tell scripts where this server answers."""
    draft = folder / "server.json.new"
    draft.write_text(json.dumps(asdict(server)), encoding="utf-8")
    draft.replace(folder / "server.json")


def proof(token: str, nonce: str, port: int) -> str:
    """What only the server that has the folder's token can answer on that port."""
    message = f"mlops_core workspace:{port}:{nonce}".encode()
    return hmac.new(token.encode(), message, hashlib.sha256).hexdigest()
