"""What a setting may be: text in, the value or a ValueError with the reason out. Pure."""

from __future__ import annotations

import re
from pathlib import PurePath, PurePosixPath

_SQLITE = "sqlite:///"


def tracking_uri(uri: str) -> str:
    """`databricks`, with a profile or not, or any URI."""
    if uri == "databricks" or (":" in uri and not uri.startswith("databricks-uc")):
        return uri
    raise ValueError("it is neither databricks nor a URI")


def absolute_sqlite(uri: str, folder: PurePath) -> str:
    """``uri`` with a relative sqlite file placed under ``folder``; any other as it is."""
    file, question, query = uri.removeprefix(_SQLITE).partition("?")
    is_relative = not re.match(r"/|:memory:|file:|[A-Za-z]:[\\/]|$", file)
    if not uri.startswith(_SQLITE) or not is_relative:
        return uri
    return f"{_SQLITE}{(folder / file).as_posix()}{question}{query}"


def registry_uri(uri: str) -> str:
    """A registry of the workspace."""
    if not re.fullmatch(r"databricks(-uc)?(://.+)?", uri):
        raise ValueError("it is neither databricks-uc nor databricks")
    return uri


def token(text: str) -> str:
    """A token that can go into a header."""
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("it holds characters that no token has")
    return text


def notebook_folder(folder: str) -> str:
    """A folder of the project, relative to it, with `/` between its parts."""
    path = PurePosixPath(folder.replace("\\", "/"))
    if path.is_absolute() or re.match(r"[A-Za-z]:", folder):
        raise ValueError("it must be relative to the project folder")
    if ".." in path.parts:
        raise ValueError("it must be inside the project folder")
    return str(path)


def user(name: str) -> str:
    """A user whose name can be a folder's."""
    if name in {".", ".."} or re.search(r"[/\0]", name):
        raise ValueError("it is no user name")
    return name


def model_schema(schema: str) -> str:
    """Unity Catalog's `catalog.schema`."""
    if not re.fullmatch(r"[^./\s]+\.[^./\s]+", schema):
        raise ValueError("it is not of the form catalog.schema")
    return schema


def model_name(name: str) -> str:
    """A registered model's name."""
    if re.search(r"[/:]", name):
        raise ValueError("a model's name has neither / nor :")
    return name


def is_unity(schema: str | None, name: str | None) -> bool:
    """Whether schema or name place the model in Unity Catalog."""
    return bool(schema) or (name or "").count(".") == 2


def choose_registry(uri: str, *, tracking_uri: str, is_local: bool, is_unity: bool) -> str | None:
    """The registry, None where only the user can choose one (`require_registry` says so)."""
    if not tracking_uri.startswith("databricks"):
        return uri or tracking_uri
    if uri:
        return registry_uri(uri)
    if is_local:
        return "databricks"
    return "databricks-uc" if is_unity else None
