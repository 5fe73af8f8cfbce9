"""Replications: published numbers in files, and the functions that compute them again."""
