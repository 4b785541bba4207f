"""Branch and user to the names of folders, experiments and models. Pure."""

from __future__ import annotations

import hashlib
import re

from mlops_core.errors import BranchError, SettingsError
from mlops_core.paths import WorkspacePath, join

_HASHED = re.compile(r"(?s)(.+)-([0-9a-f]{6})")


def slug(branch: str) -> str:
    """The one folder name for ``branch``: ASCII letters, digits, `_` and `-`.

    A name that had to be changed ends in six hex digits of its SHA-256, so that `feature/x`
    and `feature-x` never meet. The slug of a slug is itself.
    """
    if not branch:
        raise BranchError("the branch has no name", hint="set MLOPS_BRANCH")
    clean = re.sub(r"[^A-Za-z0-9_-]", "-", branch)
    return clean if clean == branch else f"{clean}-{_digest(branch)}"


def unity_slug(branch: str) -> str:
    """The same for Unity Catalog, whose names are `[a-z0-9_]`.

    A branch and its slug have one name here: inside a workspace only the slug is known, and a
    notebook there must find the model which the branch registered. So a name that ends like a
    slug keeps its six digits and gets no more.
    """
    name = slug(branch)
    clean = re.sub(r"[^a-z0-9_]", "_", name.lower())
    if clean == name or _HASHED.fullmatch(name):
        return clean
    return f"{clean}_{_digest(name)}"


def notebook_folder(user: str, branch: str) -> WorkspacePath:
    """Where the notebooks of ``branch`` lie: `/Users/{user}/{slug}`."""
    return join(WorkspacePath("/Users"), _one_part(user), slug(branch))


def experiment_path(user: str, branch: str, kind: str) -> WorkspacePath:
    """The experiment of ``branch`` for ``kind``, `training` or `scoring`: its name is a path."""
    return join(WorkspacePath("/Shared"), _one_part(user), slug(branch), kind)


def model_name(branch: str, schema: str = "", name: str = "") -> str:
    """The registered model: ``name``, else one for ``branch``; under ``schema`` if that is set.

    ``schema`` is Unity Catalog's `catalog.schema`; a three-part ``name`` needs none.
    """
    if not schema:
        return name or f"{slug(branch)}_model"
    if name.count(".") == 2:
        return name
    return f"{schema}.{name or unity_slug(branch) + '_model'}"


def slug_of_notebook(path: str) -> str | None:
    """The slug in a notebook's own path, None if the path is not one that a sync writes.

    `/Users/{user}/{slug}/…` and `/Shared/master/…` are; `/Workspace` in front is no difference.
    """
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["Workspace"]:
        parts = parts[1:]
    if parts[:2] == ["Shared", "master"] and len(parts) > 2:
        return "master"
    if parts[:1] == ["Users"] and len(parts) > 3 and re.fullmatch(r"[A-Za-z0-9_-]+", parts[2]):
        return parts[2]
    return None


def _digest(branch: str) -> str:
    return hashlib.sha256(branch.encode("utf-8", "surrogatepass")).hexdigest()[:6]


def _one_part(user: str) -> str:
    if not user or "/" in user:
        raise SettingsError(
            f"{user!r} is no user name", hint="set USER=you@example.com in .env, or leave it out"
        )
    return user
