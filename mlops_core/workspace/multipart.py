"""A multipart form that can be sent twice and never lies in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from mlops_core.errors import MlopsError

_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Multipart:
    """A form of text fields and one file part; each iteration yields the body from its start."""

    fields: Mapping[str, str]
    name: str
    content: bytes | Path
    boundary: str = field(default_factory=lambda: uuid4().hex)

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header."""
        return f"multipart/form-data; boundary={self.boundary}"

    def length(self) -> int:
        """The body's length in bytes; raises MlopsError if the file cannot be read."""
        return len(self._head()) + self._content_length() + len(self._tail())

    def __iter__(self) -> Iterator[bytes]:
        """The body, in blocks."""
        if isinstance(self.content, bytes):
            yield self._head() + self.content + self._tail()
            return
        yield self._head()
        yield from _blocks(self.content, self._content_length())
        yield self._tail()

    def _content_length(self) -> int:
        if isinstance(self.content, bytes):
            return len(self.content)
        try:
            return self.content.stat().st_size
        except OSError as error:
            raise _unreadable(self.content, error) from error

    def _head(self) -> bytes:
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
            for name, text in self.fields.items()
        ]
        # The service takes a part with a file name as the content (databricks_api 4, import).
        parts.append(
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="{self.name}"; filename="{self.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        return "".join(parts).encode()

    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    """Exactly ``size`` bytes of the file: the length was announced before."""
    left = size
    try:
        with path.open("rb") as file:
            while left:
                block = file.read(min(_BLOCK, left))
                if not block:
                    raise _changed(path)
                left -= len(block)
                yield block
    except OSError as error:  # else it would pass for a broken connection
        raise _unreadable(path, error) from error


def _changed(path: Path) -> MlopsError:
    return MlopsError(f"{path} became shorter while it was sent", hint="run the command again")


def _unreadable(path: Path, error: OSError) -> MlopsError:
    return MlopsError(f"cannot read {path}: {error.strerror}", hint="check its permissions")
