"""One profile of `~/.databrickscfg`, the file that Databricks' own tools write."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops_core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Profile:
    """What a profile says of a host; ``token`` is empty if it logs in by other means."""

    name: str
    host: str
    token: str = field(repr=False)

    @property
    def source(self) -> str:
        """Where its token comes from, in words."""
        return f"profile {self.name}"


def read_profile(name: str, values: Mapping[str, str]) -> Profile | None:
    """The profile called ``name``; None if it or its file is not there.

    ``values`` may move the file by DATABRICKS_CONFIG_FILE. A profile takes nothing over from
    DEFAULT, as with Databricks' own tools. Raises SettingsError for a file that cannot be read;
    the message quotes none of its lines, since they may hold a token.
    """
    file = Path(values.get("DATABRICKS_CONFIG_FILE", "~/.databrickscfg")).expanduser()
    parser = configparser.RawConfigParser(default_section="\0", strict=False)
    try:
        parser.read_string(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, configparser.Error) as problem:
        raise SettingsError(
            f"cannot read {file}: {type(problem).__name__}",
            hint="mend that file, or set DATABRICKS_TOKEN",
        ) from None
    if not parser.has_section(name):
        return None
    section = parser[name]
    return Profile(name, section.get("host", "").strip(), section.get("token", "").strip())
