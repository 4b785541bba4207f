"""Archives that an import unpacks, and the one that the export of a folder makes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from mlops_core.local_workspace.import_rules import MAX_FILE
from mlops_core.local_workspace.languages import LANGUAGES
from mlops_core.local_workspace.replies import ApiError, invalid

_DBC = {f".{language.jupyter}": language for language in LANGUAGES}


def entries(path: Path) -> list[tuple[str, bytes]]:
    """The files of a zip or dbc archive, with paths that stay in their folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = [one for one in archive.infolist() if not one.is_dir()]
            if sum(one.file_size for one in found) > MAX_FILE:
                raise ApiError(400, "BAD_REQUEST", f"The archive holds more than {MAX_FILE} bytes")
            files = [_entry(one.filename, archive.read(one)) for one in found]
    except (zipfile.BadZipFile, RuntimeError):
        raise invalid("The zip archive contains no items.") from None
    if not files:
        raise invalid("The zip archive contains no items.")
    return files


def packed(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def _entry(name: str, content: bytes) -> tuple[str, bytes]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise invalid(f"The archive has an entry outside of it: {name}")
    language = _DBC.get(path.suffix)
    try:
        commands = json.loads(content)["commands"] if language else None
        texts = [str(one["command"]) for one in commands or ()]
    except (ValueError, KeyError, TypeError):
        return str(path), content
    if language is None:
        return str(path), content
    script = f"\n\n{language.separator}\n\n".join(texts)
    return str(path.with_suffix(language.extension)), f"{language.header}\n{script}".encode()
