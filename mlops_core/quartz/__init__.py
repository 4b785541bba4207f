"""Quartz cron text, as Databricks jobs are scheduled: read, said in words, turned into times."""
