// Databricks notebook source
val x = 1

// COMMAND ----------

println(x)
