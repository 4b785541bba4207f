"""MLflow projects as Databricks job runs."""
