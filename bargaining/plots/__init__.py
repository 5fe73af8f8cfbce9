"""Pictures of problems, divisions, games, payoff sets, strategies and sweeps."""
