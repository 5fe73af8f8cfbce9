"""Bounds on equilibrium payoffs of n players, by supporting hyperplanes."""
