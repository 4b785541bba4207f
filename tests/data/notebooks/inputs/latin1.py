# Databricks notebook source
# café
print(1)
