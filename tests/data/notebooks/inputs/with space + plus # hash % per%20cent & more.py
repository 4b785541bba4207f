# Databricks notebook source
print("names")
