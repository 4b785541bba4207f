"""Pushing and pulling notebooks, beside the peers, on the embedded workspace at 50 ms an answer.

The peers: `databricks workspace import_dir`/`export_dir` of databricks-cli 0.18, a loop over
databricks-sdk, the same in 20 threads, and a bare asynchronous client as the lower bound. Each
run is a process of its own; the time includes its start.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_core.local_workspace.lease import Lease, acquire

ROOT = Path(__file__).resolve().parents[2]
SIZES = [int(size) for size in os.environ.get("MLOPS_BENCH_NOTEBOOKS", "200,1000").split(",")]
FOLDERS = 40
LATENCY = 0.05
ALLOWED = 30
PHASES = ("push", "unchanged", "changed", "pull")
PEERS = ("ours", "bare", "sdk20", "sdk", "cli")
SLOWEST = 200  # notebooks, above which the sequential peers only push


@dataclass(frozen=True)
class Measured:
    """One process: seconds, peak memory in MB, requests, and how many of them were 429."""

    seconds: float
    memory: float
    requests: int
    refused: int
    code: int


@dataclass(frozen=True)
class Bench:
    """The workspace and the scratch folder."""

    lease: Lease
    folder: Path

    def control(self, method: str, path: str, body: object = None) -> dict[str, object]:
        request = urllib.request.Request(
            f"{self.lease.host}/local/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.lease.token}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request) as answer:
            found = json.load(answer)
        assert isinstance(found, dict)
        return found

    def measure(self, command: list[str], cwd: Path, rules: list[Mapping[str, object]]) -> Measured:
        environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS", "MLOPS"))},
            "DATABRICKS_HOST": self.lease.host,
            "DATABRICKS_TOKEN": self.lease.token,
            "USER": self.lease.user,
            "PYTHONWARNINGS": "ignore",
        }
        for rule in rules:
            self.control("POST", "faults", rule)
        self.control("POST", "requests")
        start = time.monotonic()
        with (self.folder / "output.txt").open("w", encoding="utf-8") as output:
            process = subprocess.Popen(command, cwd=cwd, env=environ, stdout=output, stderr=output)
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        requests = self.control("GET", "requests")["requests"]
        self.control("DELETE", "faults")
        assert isinstance(requests, list)
        code = os.waitstatus_to_exitcode(status)
        process.returncode = code
        wanted = [one for one in requests if "import" in one["path"]]
        return Measured(seconds, used.ru_maxrss / 1024, len(requests), len(wanted), code)


def fill(folder: Path, count: int) -> None:
    """``count`` notebooks in forty folders, in a git checkout on a branch."""
    subprocess.run(
        ["git", "init", "--quiet", f"--initial-branch=bench{count}", str(folder)], check=True
    )
    for number in range(count):
        file = folder / "notebooks" / f"folder{number % FOLDERS:02}" / f"notebook{number:04}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        cells = "\n\n# COMMAND ----------\n\n".join(
            f"print({number}, {cell})" for cell in range(20)
        )
        file.write_text(f"# Databricks notebook source\n{cells}\n", encoding="utf-8")


def edit(folder: Path) -> None:
    """Change one notebook in a hundred."""
    files = sorted((folder / "notebooks").rglob("*.py"))
    for file in files[: max(len(files) // 100, 1)]:
        with file.open("a", encoding="utf-8") as stream:
            stream.write("print('changed')\n")


def command(peer: str, phase: str, checkout: Path, target: str) -> list[str]:
    if peer == "ours":
        script = "from_databricks.py" if phase == "pull" else "to_databricks.py"
        more = ["--overwrite"] if phase == "changed" else []
        return [sys.executable, str(ROOT / "databricks-sync" / script), *more]
    peers = str(Path(__file__).with_name("sync_peers.py"))
    return [sys.executable, peers, peer, phase, str(checkout / "notebooks"), target]


def compare(bench: Bench, count: int) -> None:
    """Print one table: each peer's four phases."""
    slow = [{"kind": "slow", "seconds": LATENCY}]
    print(
        f"\n{count} notebooks in {FOLDERS} folders, {LATENCY * 1000:.0f} ms added to every answer"
    )
    print(f"{'':8}" + "".join(f"{phase:>26}" for phase in PHASES))
    for peer in PEERS:
        checkout = bench.folder / f"{peer}{count}"
        fill(checkout, count)
        branch = f"bench{count}"
        target = f"/Users/{bench.lease.user}/{branch}" + ("" if peer == "ours" else f"-{peer}")
        cells = []
        for phase in PHASES:
            if count > SLOWEST and peer in ("sdk", "cli") and phase != "push":
                cells.append(f"{'-':>26}")
                continue
            if phase == "changed":
                edit(checkout)
            if phase == "pull":
                shutil.rmtree(checkout / "notebooks")
                shutil.rmtree(checkout / ".mlops", ignore_errors=True)
                (checkout / "notebooks").mkdir()
            found = bench.measure(command(peer, phase, checkout, target), checkout, slow)
            done = len(list((checkout / "notebooks").rglob("*.py")))
            assert found.code == 0, (bench.folder / "output.txt").read_text(encoding="utf-8")[
                -2000:
            ]
            assert done == count
            cells.append(f"{found.seconds:8.2f} s {found.requests:5} {found.memory:5.0f} MB")
        print(f"{peer:8}" + "".join(f"{cell:>26}" for cell in cells), flush=True)


def limited(bench: Bench, count: int) -> None:
    """Print how close a first push comes to what a limited workspace allows."""
    checkout = bench.folder / f"limited{count}"
    fill(checkout, count)
    subprocess.run(["git", "branch", "-m", "limited"], cwd=checkout, check=True)
    rules: list[Mapping[str, object]] = [
        {"kind": "rate", "path": "workspace/import", "per_second": ALLOWED, "seconds": LATENCY},
        {"kind": "slow", "seconds": LATENCY},
    ]
    found = bench.measure(command("ours", "push", checkout, ""), checkout, rules)
    assert found.code == 0
    refused = found.refused - count
    print(
        f"\n{count} notebooks, {ALLOWED} imports a second allowed: {found.seconds:.1f} s,"
        f" {found.seconds * ALLOWED / count:.2f} x the least; {refused} answers were 429"
        f" ({100 * refused / found.requests:.1f} %)",
        flush=True,
    )


def main() -> None:
    """Print everything; the server runs on this machine too, and its time is in all of them."""
    with tempfile.TemporaryDirectory(prefix="mlops-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        with acquire(folder / "served" / ".mlops" / "local-workspace") as lease:
            bench = Bench(lease, folder)
            for count in SIZES:
                compare(bench, count)
            limited(bench, SIZES[-1])


if __name__ == "__main__":
    main()
