-- Databricks notebook source
SELECT 1

-- COMMAND ----------

-- MAGIC %md
-- MAGIC # Title

-- COMMAND ----------

SELECT 2
