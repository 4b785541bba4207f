"""Runs one MLflow project on the driver: uploaded with driver_output.py, started by a job's task.

It knows what to do from its arguments alone, imports nothing but the standard library (and
mlflow once the project is done), and compiles on Python 3.9.
"""

from __future__ import annotations

import argparse
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import traceback
import types
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_core.runs.driver_output import Output


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


def load_beside(project: str, name: str) -> types.ModuleType:
    """The module that was uploaded with this file; a driver does not say where that lies."""
    file = Path(project).parent / f"{name}.py"
    module = types.ModuleType(f"mlops_{name}")
    # An import would leave its bytecode in the upload.
    exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)  # noqa: S102 - our own
    return module


def set_environment(options: argparse.Namespace) -> None:
    """Make MLflow, here and in child processes, continue the run that the launcher created."""
    names = {
        "MLFLOW_RUN_ID": options.run_id,
        "MLFLOW_EXPERIMENT_ID": options.experiment_id,
        "MLFLOW_TRACKING_URI": options.tracking_uri,
        "MLFLOW_REGISTRY_URI": options.registry_uri,
    }
    os.environ.update({name: value for name, value in names.items() if value})
    # `python` in a shell command, or in a step that MLflow starts, is the one that runs this.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.environ["PYTHONUNBUFFERED"] = "1"  # what children print is followed live, too
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
    """Run ``command`` by the shell."""
    shell = ["cmd", "/c", command] if os.name == "nt" else ["bash", "-c", command]
    status = subprocess.run(shell, check=False).returncode
    if status:
        raise SystemExit(status)


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
    driver_output = load_beside(options.project, "driver_output")
    output = driver_output.Output(options.output)
    output.start()
    set_environment(options)
    with driver_output.followed(output):
        error, description = run_project(options)
        if description:
            output.keep(description["trace"] or description["message"] + "\n")
        try:
            finish_run(options, output, "FAILED" if error else "FINISHED")
        except Exception as problem:  # noqa: BLE001 - only the project's own outcome counts
            _say(f"the MLflow run could not be ended: {problem}")
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
