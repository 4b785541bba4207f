# Databricks notebook source
print("a notebook named x.py")
