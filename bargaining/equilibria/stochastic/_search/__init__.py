"""Payoff sets of stochastic games between two players: a polygon for each state."""
