"""Takes the content of an import from the network to the disk, in constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from mlops_core.local_workspace import disk
from mlops_core.local_workspace.import_rules import MAX_FILE
from mlops_core.local_workspace.imports import Upload
from mlops_core.local_workspace.languages import SOURCE
from mlops_core.local_workspace.replies import ApiError, invalid

_CHUNK = 1024 * 1024


async def upload_from_form(request: Request, incoming: Path) -> Upload:
    """A multipart import; the part `content` goes to the disk as it arrives."""
    async with request.form(max_part_size=MAX_FILE) as form:
        path = _field(form, "path")
        if not path:
            raise invalid("Missing required field: path")
        return Upload(
            path,
            await _staged(form, incoming),
            fmt=_field(form, "format") or SOURCE,
            language=_field(form, "language") or None,
            overwrite=_field(form, "overwrite").lower() == "true",
        )


async def stage_stream(chunks: AsyncIterator[bytes], incoming: Path) -> Path:
    """A request's raw body as a complete file; none is left if it ends early."""
    staged = incoming / uuid4().hex
    size = 0
    try:
        with staged.open("wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > MAX_FILE:
                    raise ApiError(400, "BAD_REQUEST", f"File size exceeds {MAX_FILE} bytes")
                file.write(chunk)
    except BaseException:
        disk.discard(staged)
        raise
    return staged


async def _staged(form: FormData, incoming: Path) -> Path:
    content = form.get("content")
    if isinstance(content, UploadFile):
        return await run_in_threadpool(_copy, content.file, incoming / uuid4().hex)
    return disk.stage((content or "").encode(), incoming)


def _copy(source: BinaryIO, staged: Path) -> Path:
    with staged.open("wb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
    return staged


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
