"""What the parts of the embedded workspace share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops_core.local_workspace.database import Database
from mlops_core.local_workspace.faults import Faults
from mlops_core.local_workspace.switches import Switches
from mlops_core.local_workspace.tree import Tree


@dataclass(frozen=True, slots=True)
class Services:
    """One embedded workspace: its state, and where it answers.

    ``address`` gives the server's address (`http://127.0.0.1:PORT`) and its token.
    """

    data_folder: Path
    database: Database
    tree: Tree
    faults: Faults
    switches: Switches
    user: str
    workspace_id: str
    address: Callable[[], tuple[str, str]]
