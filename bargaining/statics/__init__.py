"""Comparative statics: how answers change with what they were found from."""
