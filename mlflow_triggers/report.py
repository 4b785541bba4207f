"""Report on training and scoring, beside master. How and why: docs/devops.md."""

import sys

try:
    from mlops_core.cli import main, report
except ModuleNotFoundError as missing:
    sys.stderr.write(
        f"error: this Python has no {missing.name}\n"
        "hint:  from the project root: python -m pip install -r mlflow_triggers/requirements.txt\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main.run(report.REPORT, sys.argv[1:]))
