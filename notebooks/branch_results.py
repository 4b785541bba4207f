# Databricks notebook source
# MAGIC %md
# MAGIC # What this branch has trained
# MAGIC
# MAGIC The branch is read from this notebook's own path, so the same notebook shows each branch its
# MAGIC own experiment and model. Needs the wheel of `mlops_core` on the cluster.

# COMMAND ----------

import mlflow

import mlops_core

experiment = mlops_core.experiment_path("training")
print("branch    ", mlops_core.current_branch())
print("experiment", experiment)
print("model     ", mlops_core.model_name())

# COMMAND ----------

runs = mlflow.search_runs(
    experiment_names=[experiment], order_by=["attributes.start_time DESC"], max_results=10
)
print(runs.filter(regex="^(run_id|status|metrics.accuracy_score)$").to_string(index=False))

# COMMAND ----------

version = mlops_core.latest_version()
if version is None:
    print("nothing registered yet: python mlflow_triggers/start_training_devops.py")
else:
    print(f"model {version.name} version {version.version}, made by run {version.run_id}")
