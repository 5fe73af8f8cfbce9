"""Checks for your own methods: Hypothesis strategies and suites of axioms."""
