"""`python -m mlops_core.local_workspace`: serve an embedded workspace until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from mlops_core.errors import DONE, USAGE, MlopsError


def main(arguments: list[str]) -> int:
    """Serve, and give the exit code."""
    options = _parser().parse_args(arguments)
    # after the options: --help need not wait for the web framework
    from mlops_core.local_workspace.replies import ApiError
    from mlops_core.local_workspace.server import Site, serve

    def announce(site: Site) -> None:
        if options.leased:
            _tell_starter({"host": site.host})
        else:
            _print_site(site.host, site.token, site.web_url)

    try:
        folder = options.data.resolve()
        serve(
            folder,
            port=options.port,
            is_leased=options.leased,
            switches=dict(options.switch),
            announce=announce,
        )
    except ApiError as error:
        sys.stderr.write(f"error: {error.message}\n")
        return USAGE
    except MlopsError as error:
        if options.leased:
            _tell_starter({"error": error.message, "hint": error.hint})
        else:
            sys.stderr.write(f"error: {error.message}\nhint:  {error.hint}\n")
        return error.exit_code
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlops_core.local_workspace",
        description="Serve a Databricks workspace that runs on this machine.",
    )
    parser.add_argument("--port", type=int, help="default: the port of last time, else any")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        default=Path(".mlops/local-workspace"),
        help="where it keeps its state (default: %(default)s)",
    )
    parser.add_argument(
        "--switch",
        action="append",
        default=[],
        type=lambda text: tuple(text.partition("=")[::2]),
        metavar="NAME=POSITION",
        help="how to behave where workspaces differ, kept in FOLDER: content=normalised is the"
        " service before 2025-12-16, policy=on and quota=on refuse runs",
    )
    parser.add_argument("--leased", action="store_true", help=argparse.SUPPRESS)
    return parser


def _print_site(host: str, token: str, web_url: str) -> None:
    lines = [
        f"export DATABRICKS_HOST={host}",
        f"export DATABRICKS_TOKEN={token}",
        "export MLFLOW_TRACKING_URI=databricks",
        "export MLFLOW_REGISTRY_URI=databricks",
        "",
        f"# in the browser, once: {web_url}",
        "# scheduled jobs fire while this runs; Ctrl-C ends it, and the runs that are active",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _tell_starter(line: dict[str, str]) -> None:
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # it was killed; its end of our standard input says so, too
    # nobody reads on: later output must not break the pipe
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 1)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # all state is closed: to take down a loaded MLflow object by object only makes others wait
    os._exit(code)
