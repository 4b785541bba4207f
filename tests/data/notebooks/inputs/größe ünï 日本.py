# Databricks notebook source
print("größe")
