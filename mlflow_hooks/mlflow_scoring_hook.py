# Databricks notebook source
# MAGIC %md
# MAGIC # Scoring that runs by itself
# MAGIC
# MAGIC As the notebook of a job, or run by hand, this scores with the registered model. The widgets
# MAGIC say how; an empty one stands for the branch's own.
# MAGIC
# MAGIC In a checkout the same file is a script, which creates or renews the job:
# MAGIC `python mlflow_hooks/mlflow_scoring_hook.py --cron "0 0 5 * * ?" --timezone Europe/Berlin`.
# MAGIC More: docs/hooks.md

# COMMAND ----------

PARAMETERS = {
    "project": "projects/ExampleScoringProject",
    "model_name": "",
    "experiment": "",
    "branch": "master",
    "cluster": "",  # a cluster's id, serverless, or JSON; empty: the project's cluster.json
    "user": "",
    "commit": "",
}
if "dbutils" in globals():
    for name, default in PARAMETERS.items():
        dbutils.widgets.text(name, default)  # noqa: F821 - every notebook has it
        PARAMETERS[name] = dbutils.widgets.get(name)  # noqa: F821 - every notebook has it

# COMMAND ----------

import sys

try:
    from mlops_core.cli import hooks
except ModuleNotFoundError as missing:
    if "dbutils" in globals():
        hint = "first run: %pip install, with the path of the mlops_core wheel in this folder"
        raise ModuleNotFoundError(f"this Python has no {missing.name}; {hint}") from None
    sys.stderr.write(
        f"error: this Python has no {missing.name}\n"
        "hint:  from the project root: python -m pip install -r databricks-sync/requirements.txt\n"
    )
    sys.exit(2)

hooks.run(hooks.SCORING, PARAMETERS, globals().get("dbutils"))
