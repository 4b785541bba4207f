"""The Databricks workspace over HTTP, in our own words."""
