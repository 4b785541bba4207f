"""The child's side of a run: what a driver process executes first, given one JSON file.

Started by path with the server's Python. It holds on to its standard input only to notice
that the server is gone, runs the task as `__main__`, and writes how it ended to a file.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # The folder of this file is no place to import from: it has a process.py and a server.py.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from mlops_core.local_workspace import driver_context, notebook_runner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.local_workspace.driver_spec import DriverSpec


def main() -> None:
    """Run the task that the file in argv[1] describes; the exit status says whether it worked."""
    _follow_the_server()
    _take_polite_signals()
    spec_file = Path(sys.argv[1])
    spec: DriverSpec = json.loads(spec_file.read_text(encoding="utf-8"))
    del sys.path[0]
    outcome = _run(spec)
    Path(spec["result_file"]).write_text(json.dumps(outcome), encoding="utf-8")
    if "error" in outcome:
        print(outcome["error_trace"], file=sys.stderr, end="")  # noqa: T201 - the driver's log
        sys.exit(1)


def _run(spec: DriverSpec) -> Mapping[str, str]:
    context = driver_context.install(spec["context"], spec.get("widgets", {}))
    if "source" in spec:
        sys.argv[:] = [spec["path"]]
        sys.path.insert(0, str(Path.cwd()))
        return notebook_runner.run_notebook(context, spec["path"], spec["source"])
    sys.argv[:] = [spec["path"], *spec["parameters"]]
    return notebook_runner.run_script(spec["path"], Path(spec["file"]))


def _follow_the_server() -> None:
    """End this process group when the server lets go of the pipe, in whatever way it ended."""
    leash = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_end_with, args=(leash,), name="leash", daemon=True).start()


def _end_with(leash: int) -> None:
    while os.read(leash, 1):
        pass
    if sys.platform == "win32":
        subprocess.run(
            ["taskkill", "/T", "/F", "/PID", str(os.getpid())],
            check=False,
        )
    else:
        os.killpg(os.getpgid(0), signal.SIGKILL)


def _take_polite_signals() -> None:
    """A cancel unwinds the task (its `finally` blocks run), within the server's grace."""

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    name = "SIGBREAK" if sys.platform == "win32" else "SIGTERM"
    signal.signal(getattr(signal, name), stop)


if __name__ == "__main__":
    main()
