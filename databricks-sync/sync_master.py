"""Make /Shared/master exactly what master holds. How and why: docs/devops.md."""

import sys

try:
    from mlops_core.cli import main, mirror
except ModuleNotFoundError as missing:
    sys.stderr.write(
        f"error: this Python has no {missing.name}\n"
        "hint:  from the project root: python -m pip install -r databricks-sync/requirements.txt\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main.run(mirror.MIRROR, sys.argv[1:]))
