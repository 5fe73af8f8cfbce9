"""Bargains struck by several pairs at once, each taking the others' contracts as given."""
