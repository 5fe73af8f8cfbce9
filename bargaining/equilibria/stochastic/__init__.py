"""Stochastic games: a payoff set for each state, Markov equilibria, strategies, transfers."""
