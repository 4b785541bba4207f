"""Runs one MLflow project on the driver. Self-contained: uploaded and started by a job's task.

It knows what to do from its arguments alone, imports nothing but the standard library (and
mlflow once the project is done), and compiles on Python 3.9.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
import types
from pathlib import Path
from typing import TextIO, cast

FLUSH_SECONDS = 2.0
PART_LIMIT = 4 * 1024 * 1024  # an export of 10 MiB or more is refused
KEPT_LIMIT = 64 * 1024 * 1024


class Output:
    """Keeps what the project prints, and puts it into numbered files that a watcher can read.

    Each file is one line of JSON (``bytes``, and in the last one ``is_last`` and ``error``) and
    then the text; ``bytes`` tells a reader that comes too early to look again.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None
        self._parts = 0
        self._pending: list[str] = []
        self._kept: list[str] = []
        self._size = 0
        self._lock = threading.Lock()
        self._has_more = threading.Event()
        self._is_over = threading.Event()
        self._writer = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Begin to write files: the first at once, later ones not more often than every 2 s."""
        self._writer.start()

    def add(self, text: str) -> None:
        """Take ``text`` in; never waits for a file."""
        with self._lock:
            self._pending.append(text)
            if self._size < KEPT_LIMIT:
                self._kept.append(text)
            self._size += len(text)
        self._has_more.set()

    def text(self) -> str:
        """Everything so far, up to a limit."""
        with self._lock:
            return "".join(self._kept)

    def close(self, error: dict[str, str] | None) -> None:
        """Write the rest, and say that it was the last."""
        self._is_over.set()
        self._has_more.set()
        self._writer.join()
        self._flush({"is_last": True, "error": error})

    def _follow(self) -> None:
        while not self._is_over.is_set():
            self._has_more.wait()
            self._has_more.clear()
            self._flush({})
            self._is_over.wait(FLUSH_SECONDS)

    def _flush(self, last: dict[str, object]) -> None:
        with self._lock:
            content = "".join(self._pending).encode("utf-8", "replace")
            self._pending = []
        while len(content) > PART_LIMIT:
            self._write({}, content[:PART_LIMIT])
            content = content[PART_LIMIT:]
        if content or last:
            self._write(last, content)

    def _write(self, header: dict[str, object], content: bytes) -> None:
        if self._folder is None:
            return
        self._parts += 1
        head = json.dumps({"bytes": len(content), **header}).encode("ascii")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{self._parts:06}.txt").write_bytes(head + b"\n" + content)
        except OSError as problem:
            self._folder = None
            _say(f"the output cannot be followed live ({problem}); it comes when the run is over")


class Tee:
    """A text stream that also hands everything to an Output."""

    def __init__(self, stream: TextIO, output: Output) -> None:
        self._stream = stream
        self._output = output

    def write(self, text: str) -> int:
        """Write ``text`` to both."""
        self._output.add(text)
        self._stream.write(text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of ``lines`` to both."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def parse(arguments: list[str]) -> argparse.Namespace:
    """What the launcher asks for (mlops_core/runs/submission.py writes it)."""
    parser = argparse.ArgumentParser(prog="entry_point.py")
    parser.add_argument("--project", required=True, help="the uploaded project folder")
    parser.add_argument("--source", required=True, help="what to call that folder in tracebacks")
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--experiment-id", required=True)
    parser.add_argument("--tracking-uri", required=True)
    parser.add_argument("--registry-uri", default="")
    parser.add_argument("--output", default="", help="folder for the numbered output files")
    command = parser.add_mutually_exclusive_group(required=True)
    command.add_argument("--shell", help="a command for the shell")
    command.add_argument("--python", nargs=argparse.REMAINDER, help="script.py or -m module, …")
    return parser.parse_args(arguments)


def set_environment(options: argparse.Namespace) -> None:
    """Make MLflow, here and in child processes, continue the run that the launcher created."""
    names = {
        "MLFLOW_RUN_ID": options.run_id,
        "MLFLOW_EXPERIMENT_ID": options.experiment_id,
        "MLFLOW_TRACKING_URI": options.tracking_uri,
        "MLFLOW_REGISTRY_URI": options.registry_uri,
    }
    os.environ.update({name: value for name, value in names.items() if value})
    loaded = sys.modules.get("mlflow")  # some runtimes import it before our code
    if loaded:
        loaded.set_tracking_uri(options.tracking_uri)
        if options.registry_uri:
            loaded.set_registry_uri(options.registry_uri)


def run_python(words: list[str]) -> None:
    """Run `script.py …` or `-m module …` as `python` would, in this very process."""
    kept = sys.argv, sys.modules["__main__"]
    try:
        if words[0] == "-m":
            sys.path.insert(0, str(Path.cwd()))
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
            return
        script = Path(words[0]).resolve()
        sys.path.insert(0, str(script.parent))
        sys.argv = words
        main = types.ModuleType("__main__")
        main.__file__ = str(script)
        # runpy.run_path would clear the module while threads and pickles may still need it.
        sys.modules["__main__"] = main
        exec(compile(script.read_bytes(), str(script), "exec"), main.__dict__)  # noqa: S102 - the task
    finally:
        sys.argv, sys.modules["__main__"] = kept


def run_shell(command: str) -> None:
    """Run ``command`` by the shell; its output goes through our streams as it comes."""
    shell = ["cmd", "/c", command] if os.name == "nt" else ["bash", "-c", command]
    child = subprocess.Popen(  # noqa: S603 - the project's own command
        shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    )
    for line in cast(TextIO, child.stdout):
        sys.stdout.write(line)
    if child.wait():
        raise SystemExit(child.returncode)


def run_project(options: argparse.Namespace) -> tuple[BaseException | None, dict[str, str] | None]:
    """Run the command in a copy of the project; gives what ended it, and how to tell people."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-")).resolve()
    copy = folder / "project"
    kept = Path.cwd()
    try:
        shutil.copytree(options.project, copy)
        os.chdir(copy)
        if options.shell is None:
            run_python(options.python)
        else:
            run_shell(options.shell)
    except SystemExit as stop:
        if stop.code not in (None, 0):
            return stop, describe(stop, copy, options.source)
    except BaseException as error:  # noqa: BLE001 - whatever the project raises is its outcome
        return error, describe(error, copy, options.source)
    finally:
        os.chdir(kept)
        shutil.rmtree(folder, ignore_errors=True)
    return None, None


def describe(error: BaseException, copy: Path, source: str) -> dict[str, str]:
    """The error as the developer wants to see it: their own frames, their own paths."""
    if isinstance(error, SystemExit):
        is_text = isinstance(error.code, str)
        message = str(error.code) if is_text else f"the command ended with status {error.code}"
        return {"message": message, "trace": ""}
    trace = error.__traceback__
    while trace and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    text = text.replace(f"{copy}{os.sep}", f"{source}/").replace(str(copy), source)
    return {
        "message": "".join(traceback.format_exception_only(type(error), error)).strip(),
        "trace": text,
    }


def finish_run(options: argparse.Namespace, output: Output, status: str) -> None:
    """Keep the output as an artifact, and end the MLflow run with the true ``status``."""
    os.environ.pop("MLFLOW_RUN_ID", None)
    try:
        import mlflow
    except ImportError:
        return  # the launcher ends the run
    while mlflow.active_run():
        mlflow.end_run(status)
    client = mlflow.MlflowClient(options.tracking_uri)
    text = output.text()
    if text:
        client.log_text(options.run_id, text, "output.txt")
    if client.get_run(options.run_id).info.status != status:
        client.set_terminated(options.run_id, status)


def main(arguments: list[str]) -> None:
    """Run the project; raises what ended it, so that the job's run fails with it."""
    options = parse(arguments)
    output = Output(options.output)
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, Tee(stream, output)) for stream in streams)
    output.start()
    set_environment(options)
    error, description = run_project(options)
    if description:
        _say(description["trace"] or description["message"])
    try:
        finish_run(options, output, "FAILED" if error else "FINISHED")
    except Exception as problem:  # noqa: BLE001 - only the project's own outcome counts
        _say(f"the MLflow run could not be ended: {problem}")
    finally:
        sys.stdout, sys.stderr = streams
        output.close(description)
    if description and isinstance(error, SystemExit):
        raise RuntimeError(description["message"])
    if error:
        raise error


def _is_ours(file: str) -> bool:
    return file == run_project.__code__.co_filename or "runpy" in file


def _say(text: str) -> None:
    sys.stderr.write(text.rstrip("\n") + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
