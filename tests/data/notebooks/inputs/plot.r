# Databricks notebook source
x <- 1

# COMMAND ----------

print(x)
