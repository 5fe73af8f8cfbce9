"""Stochastic games: one payoff set a state, Markov equilibria, strategies, thresholds, transfers."""
