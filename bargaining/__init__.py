"""Computational bargaining."""

__version__ = "0.1.0"
