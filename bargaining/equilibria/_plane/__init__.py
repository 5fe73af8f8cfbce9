"""Payoff sets of two players in rationals, their definition computed anew, and strategies as automata."""
