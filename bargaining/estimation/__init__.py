"""Estimation: bargaining weights, patience and outside options from observed divisions."""
