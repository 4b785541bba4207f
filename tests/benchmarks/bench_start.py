"""CPU time until a script has printed its help, beside importing what it leaves out."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMES = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "to_databricks.py --help": ["databricks-sync/to_databricks.py", "--help"],
    "start_training_devops.py --help": ["mlflow_triggers/start_training_devops.py", "--help"],
    "import databricks.sdk": ["-c", "import databricks.sdk"],
    "import mlflow": ["-c", "import mlflow"],
}
MEASURE = (
    "import os, subprocess, sys\n"
    "subprocess.run([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL, check=True)\n"
    "times = os.times()\n"
    "print(times.children_user + times.children_system)"
)


def cpu_seconds(arguments: list[str]) -> float:
    """CPU time of one Python process, in seconds."""
    command = [sys.executable, "-c", MEASURE, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Print a table of medians; the commands take turns, so that noise meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(TIMES):
        for name, arguments in COMMANDS.items():
            times[name].append(cpu_seconds(arguments))
    reference = statistics.median(times["to_databricks.py --help"])
    print(f"{'CPU time, median of ' + str(TIMES):<34} {'s':>6}  ratio")
    for name, measured in times.items():
        median = statistics.median(measured)
        print(f"{name:<34} {median:>6.3f}  {median / reference:>5.1f}")


if __name__ == "__main__":
    main()
