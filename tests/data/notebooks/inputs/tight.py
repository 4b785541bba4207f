# Databricks notebook source


print(1)
# COMMAND ----------
print(2)
