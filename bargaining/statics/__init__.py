"""Comparative statics: how answers change with their data."""
