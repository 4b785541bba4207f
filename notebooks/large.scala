// Databricks notebook source
// MAGIC %md
// MAGIC # Large, and called benign all the same
// MAGIC
// MAGIC Worth a second look by a person. `path` is where the scoring run's artifact
// MAGIC `predictions.csv` was saved.

// COMMAND ----------

dbutils.widgets.text("path", "/Volumes/main/default/tumours/predictions.csv")
dbutils.widgets.text("area", "700")

// COMMAND ----------

import org.apache.spark.sql.functions.col

val predictions = spark.read
  .option("header", "true")
  .option("inferSchema", "true")
  .csv(dbutils.widgets.get("path"))
val large = predictions.filter(col("worst_area") > dbutils.widgets.get("area").toDouble)
val benign = large.filter(col("prediction"))

println(s"${benign.count} of ${large.count} large tumours are called benign")

// COMMAND ----------

display(benign.orderBy(col("worst_area").desc))
