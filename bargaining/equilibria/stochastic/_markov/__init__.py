"""Stationary equilibria of stochastic games: the path to one, its branch along a parameter, and the proof."""
