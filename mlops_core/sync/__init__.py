"""Notebooks between a checkout and a workspace folder."""
