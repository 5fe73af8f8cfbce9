"""Solvers on games: stage equilibria, payoff sets, critical discounts, automata, threats."""
