"""Negotiations between any two countries with an alternative: roles, outcomes, terms, coalitions."""
