-- Databricks notebook source
-- MAGIC %md
-- MAGIC # How the scoring run decided
-- MAGIC
-- MAGIC `path` is where its artifact `predictions.csv` was saved.

-- COMMAND ----------

CREATE WIDGET TEXT path DEFAULT "/Volumes/main/default/tumours/predictions.csv"

-- COMMAND ----------

CREATE OR REPLACE TEMPORARY VIEW predictions AS
SELECT * FROM read_files(:path, format => 'csv', header => true)

-- COMMAND ----------

SELECT model_name, model_version, prediction, count(*) AS samples
FROM predictions
GROUP BY ALL
ORDER BY samples DESC
