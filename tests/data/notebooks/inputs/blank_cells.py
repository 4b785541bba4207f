# Databricks notebook source


# COMMAND ----------

print(1)

# COMMAND ----------



# COMMAND ----------

print(2)
