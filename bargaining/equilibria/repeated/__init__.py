"""Repeated games: equilibrium payoffs, strategies, thresholds of patience and of exit, transfers."""
