"""Stationary equilibria of stochastic games: the path to one, and the proof."""
