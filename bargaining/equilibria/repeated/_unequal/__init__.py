"""Payoff sets of two players who differ in patience, from half-planes that contain them."""
