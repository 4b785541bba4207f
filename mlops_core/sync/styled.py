"""Which bytes a pulled content gets here: the service's text in the manner of our file. Pure."""

from __future__ import annotations

from mlops_core.notebooks import jupyter
from mlops_core.notebooks.digest import identify
from mlops_core.notebooks.formats import Form
from mlops_core.notebooks.text import restyle


def styled(theirs: bytes, form: Form, like: bytes | None) -> bytes:
    """``theirs`` with the line endings, final newlines and byte order mark of ``like``.

    Files are bytes, and stay as they are; so does a notebook that has no forerunner here. Of a
    Jupyter notebook, metadata, ids and the outputs of equal cells stay ours as well.
    """
    if like is None or not form.is_notebook:
        return theirs
    return restyle(theirs, like) if form.is_source else jupyter.adopt(like, theirs)


def is_like(name: str, content: bytes, form: Form) -> bool:
    """Whether ``content`` can show how a notebook of this form is written here."""
    return form.is_notebook and identify(name, content).form.flavour == form.flavour
