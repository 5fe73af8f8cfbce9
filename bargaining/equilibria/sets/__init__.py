"""Payoff sets of dynamic games: one engine for repeated and stochastic games, equal and unequal patience, and exit."""
