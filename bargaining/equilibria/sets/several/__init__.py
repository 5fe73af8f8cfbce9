"""Bounds on equilibrium payoffs of any number of players, by supporting hyperplanes."""
