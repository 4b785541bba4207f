# Databricks notebook source
y <- 2
