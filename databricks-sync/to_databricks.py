"""Send this checkout's notebooks to the workspace. How and why: docs/sync.md."""

import sys

try:
    from mlops_core.cli import main, sync
except ModuleNotFoundError as missing:
    sys.stderr.write(
        f"error: this Python has no {missing.name}\n"
        "hint:  from the project root: python -m pip install -r databricks-sync/requirements.txt\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main.run(sync.PUSH, sys.argv[1:]))
