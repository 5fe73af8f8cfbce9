"""Feasible sets: one file for each way to describe a set of payoffs."""
