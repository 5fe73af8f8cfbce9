"""Proofs that payoff sets hold every equilibrium payoff: the operator rounded outward, and faces moved out."""
