"""How the embedded workspace behaves where workspaces differ; remembered in its database."""

from __future__ import annotations

from mlops_core.local_workspace.database import Database
from mlops_core.local_workspace.replies import invalid

DEFAULTS = {
    # how notebooks are kept: as sent, or as the service did before 2025-12-16
    "content": ("kept", "normalised"),
    # runs that cluster policies or quotas forbid: refused when on
    "policy": ("off", "on"),
    "quota": ("off", "on"),
}


class Switches:
    """Named switches, each with a few positions; the first one is the default."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str:
        """The position of a switch."""
        return self._database.fact(f"switch.{name}", DEFAULTS[name][0])

    def is_on(self, name: str) -> bool:
        """Whether a switch that has the positions on and off is on."""
        return self.get(name) == "on"

    def set(self, name: str, position: str) -> None:
        """Move a switch; ApiError for one that does not exist, with those that do."""
        if position not in DEFAULTS.get(name, ()):
            known = "; ".join(f"{key}: {' or '.join(value)}" for key, value in DEFAULTS.items())
            raise invalid(f"no switch {name}={position}; there are {known}")
        self._database.remember(f"switch.{name}", position)

    def all(self) -> dict[str, str]:
        """Every switch with its position."""
        return {name: self.get(name) for name in DEFAULTS}
