"""The embedded workspace: Databricks' APIs on this machine, for real."""
