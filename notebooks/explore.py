# Databricks notebook source
# MAGIC %md
# MAGIC # Which measures tell the diagnoses apart?
# MAGIC
# MAGIC The Wisconsin Diagnostic Breast Cancer samples, as the training project uses them.
# MAGIC `tumours` is a plain module beside this notebook.

# COMMAND ----------

from tumours import load_samples, separation

samples = load_samples()
samples["diagnosis"].value_counts()

# COMMAND ----------

# MAGIC %md
# MAGIC A measure whose means lie more than one standard deviation apart is a good candidate.

# COMMAND ----------

apart = separation(samples)
print(apart[apart > 1].round(2).to_string())
