"""Payoff sets of dynamic games: repeated and stochastic ones, equal and unequal patience, exit, signals.

`answer` has the sets of two players whose actions are seen, whose outer sets are polygons. `several` has those of any
number of players and of public signals, whose outer sets are half-spaces.
"""
