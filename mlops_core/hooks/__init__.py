"""Pipelines that run by themselves: jobs that are scheduled from a checkout, and what they do."""
