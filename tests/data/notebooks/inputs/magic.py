# Databricks notebook source
# MAGIC %md
# MAGIC Text with `# COMMAND ----------` inside

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT 1

# COMMAND ----------

# DBTITLE 1,Title
print(1)
