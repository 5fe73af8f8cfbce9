"""Payoff sets of repeated games between two players: the operator, its largest fixed point, proofs and strategies."""
