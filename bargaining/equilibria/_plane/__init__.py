"""What sets of payoffs of two players share: polygons, lotteries, kinds of vertices, strategies as automata."""
