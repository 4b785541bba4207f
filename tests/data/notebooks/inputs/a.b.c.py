# Databricks notebook source
print("dots")
