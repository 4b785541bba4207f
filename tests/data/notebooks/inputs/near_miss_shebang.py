#!/usr/bin/env python
# Databricks notebook source
print(1)
