# Databricks notebook source
import pandas as pd

# COMMAND ----------

rows = pd.DataFrame({"a": [1, 2]})
rows
