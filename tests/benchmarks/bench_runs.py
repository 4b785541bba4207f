"""From typing the command to the project's first line, and from its last line to the prompt.

The trigger on the embedded workspace, which runs all the time, beside `mlflow run . --env-manager
local` against the same tracking server. MLflow's own `databricks` backend polls every 30 s.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mlops_core.local_workspace.lease import acquire

ROOT = Path(__file__).resolve().parents[2]
TIMES = 5
MLPROJECT = "name: Bench\nentry_points: {main: {command: python train.py}}\n"
CLUSTER = '{"existing_cluster_id": "bench"}'
# The clock is the machine's, so that the project's own times can be compared with ours.
SCRIPT = """\
import time
from pathlib import Path
first = time.time()
import mlflow
with mlflow.start_run():
    mlflow.log_metric("m", 1)
Path(r"{mark}").write_text(f"{{first}} {{time.time()}}")
"""


def main() -> None:
    """Print the medians; the two take turns."""
    with tempfile.TemporaryDirectory(prefix="mlops-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        mark = folder / "mark.txt"
        project = folder / "projects" / "ExampleTrainingProject"
        project.mkdir(parents=True)
        (project / "MLproject").write_text(MLPROJECT)
        (project / "cluster.json").write_text(CLUSTER)
        (project / "train.py").write_text(SCRIPT.format(mark=mark))
        subprocess.run(["git", "init", "--quiet", "--initial-branch=bench", scratch], check=True)
        with acquire(folder / ".mlops" / "local-workspace") as workspace:
            path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
            environ = {
                **os.environ,
                "PATH": path,
                "MLFLOW_TRACKING_URI": "databricks",
                "MLFLOW_REGISTRY_URI": "databricks",
                "DATABRICKS_HOST": workspace.host,
                "DATABRICKS_TOKEN": workspace.token,
                "PROJECT_FOLDER": scratch,
            }
            trigger = [sys.executable, str(ROOT / "mlflow_triggers" / "start_training_devops.py")]
            experiment = f"/Shared/{workspace.user}/bench/training"
            mlflow = [sys.executable, "-m", "mlflow", "run", ".", "--env-manager", "local"]
            mlflow += ["--experiment-name", experiment]
            times: dict[str, list[tuple[float, float]]] = {"trigger": [], "mlflow run": []}
            for _ in range(TIMES + 1):
                times["trigger"].append(measure(trigger, environ, folder, mark))
                times["mlflow run"].append(measure(mlflow, environ, project, mark))
    print(f"{'median of ' + str(TIMES):<12} {'to first line, s':>17} {'from last line, s':>18}")
    for name, measured in times.items():
        to_first, from_last = (statistics.median(each) for each in zip(*measured[1:], strict=True))
        print(f"{name:<12} {to_first:>17.2f} {from_last:>18.2f}")


def measure(
    command: Sequence[str], environ: dict[str, str], folder: Path, mark: Path
) -> tuple[float, float]:
    """How long until the project's first line ran, and from its last line to the prompt."""
    began = time.time()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    ended = time.time()
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    first, last = (float(text) for text in mark.read_text().split())
    return first - began, ended - last


if __name__ == "__main__":
    main()
