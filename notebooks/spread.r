# Databricks notebook source
# MAGIC %md
# MAGIC # How the predictions split a measure
# MAGIC
# MAGIC `path` is where the scoring run's artifact `predictions.csv` was saved.

# COMMAND ----------

dbutils.widgets.text("path", "/Volumes/main/default/tumours/predictions.csv")
predictions <- read.csv(dbutils.widgets.get("path"))

# COMMAND ----------

called <- ifelse(predictions$prediction == "True", "benign", "malignant")
boxplot(predictions$worst_radius ~ called, xlab = "called", ylab = "worst radius")
