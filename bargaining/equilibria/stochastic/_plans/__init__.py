"""Stationary plans of stochastic games: what they are worth, and when they are kept to."""
