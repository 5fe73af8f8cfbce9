"""Common parts of payoff sets of two players: polygons, lotteries, kinds of vertices, strategies as automata."""
