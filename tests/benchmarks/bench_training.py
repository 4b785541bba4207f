"""A training by the trigger, end to end, beside the same train.py run bare.

Both log to one embedded workspace, which runs all the time and has MLflow loaded; each has been
run once before the first measurement.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlops_core.local_workspace.lease import acquire

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "ExampleTrainingProject"
TIMES = 5
NOT_COPIED = shutil.ignore_patterns("__pycache__")


def main() -> None:
    """Print the median of each, and their ratio; the two take turns."""
    with tempfile.TemporaryDirectory(prefix="mlops-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        shutil.copytree(ROOT / "projects", folder / "projects", ignore=NOT_COPIED)
        subprocess.run(["git", "init", "--quiet", "--initial-branch=bench", scratch], check=True)
        with acquire(folder / ".mlops" / "local-workspace") as workspace:
            common = {**os.environ, "MLFLOW_TRACKING_URI": "databricks"}
            trigger = {**common, "DATABRICKS_HOST": "local", "PROJECT_FOLDER": scratch}
            bare = {
                **common,
                "DATABRICKS_HOST": workspace.host,
                "DATABRICKS_TOKEN": workspace.token,
                "MLFLOW_REGISTRY_URI": "databricks",
                "MLFLOW_EXPERIMENT_NAME": f"/Shared/{workspace.user}/bench/training",
            }
            times: dict[str, list[float]] = {"start_training_devops.py": [], "train.py, bare": []}
            for _ in range(TIMES + 1):
                times["start_training_devops.py"].append(
                    seconds("mlflow_triggers/start_training_devops.py", cwd=ROOT, environ=trigger)
                )
                project = folder / "projects" / PROJECT
                options = ("--model-name", "bench_model")
                times["train.py, bare"].append(
                    seconds("train.py", *options, cwd=project, environ=bare)
                )
    medians = {name: statistics.median(measured[1:]) for name, measured in times.items()}
    print(f"{'wall time, median of ' + str(TIMES):<28} {'s':>6}  ratio")
    for name, median in medians.items():
        print(f"{name:<28} {median:>6.2f}  {median / medians['train.py, bare']:>5.2f}")


def seconds(*command: str, cwd: Path, environ: dict[str, str]) -> float:
    """How long a script takes, from typing the command to the prompt."""
    began = time.perf_counter()
    words = [sys.executable, *command]
    done = subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
