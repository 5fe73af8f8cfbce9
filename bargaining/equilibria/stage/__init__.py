"""Equilibria of one-shot games in normal form."""
