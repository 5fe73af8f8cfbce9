"""Outer and inner bounds of the payoff sets of stochastic games."""
