"""Canonical digests: equal for two copies of one content, whatever the service did to it. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NewType

from mlops_core.notebooks import jupyter, text
from mlops_core.notebooks.formats import (
    JUPYTER,
    NOTEBOOK,
    Form,
    is_jupyter_name,
    language_named,
    source_form,
)

Digest = NewType("Digest", str)
"""`form:sha256`; two objects with one digest are the same to a user."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a content is: its form and its canonical digest."""

    form: Form
    digest: Digest


def identify(name: str, content: bytes) -> Identity:
    """What a local file of this name and content is.

    Raises MlopsError for an `.ipynb` that is no notebook: the service would refuse it.
    """
    if is_jupyter_name(name):
        form = Form(NOTEBOOK, jupyter.language(jupyter.parse(content)), JUPYTER)
    else:
        form = source_form(name, content)
    return Identity(form, digest(content, form))


def digest(content: bytes, form: Form) -> Digest:
    """The canonical digest of ``content``, which has this form.

    Raises MlopsError for a Jupyter notebook that cannot be read.
    """
    if not form.is_notebook:
        return file_digest(hashlib.sha256(content).hexdigest())
    if form.is_source:
        body = text.canonical(content, language_named(form.language))
    else:
        body = jupyter.canonical(content)
    return Digest(f"{form.tag}:{hashlib.sha256(text.encode(body)).hexdigest()}")


def file_digest(sha256: str) -> Digest:
    """The digest of a file whose bytes have this SHA-256."""
    return Digest(f"file:{sha256}")
