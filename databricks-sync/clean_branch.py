"""Remove what a branch that has ended left in the workspace. See docs/mlops_developers.md."""

import sys

try:
    from mlops_core.cli import cleanup, main
except ModuleNotFoundError as missing:
    sys.stderr.write(
        f"error: this Python has no {missing.name}\n"
        "hint:  from the project root: python -m pip install -r databricks-sync/requirements.txt\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main.run(cleanup.CLEAN, sys.argv[1:]))
