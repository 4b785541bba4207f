"""Run the scoring project with the registered model. How and why: docs/runs.md."""

import sys

try:
    from mlops_core.cli import main, runs
except ModuleNotFoundError as missing:
    sys.stderr.write(
        f"error: this Python has no {missing.name}\n"
        "hint:  from the project root: python -m pip install -r mlflow_triggers/requirements.txt\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main.run(runs.SCORING, sys.argv[1:]))
