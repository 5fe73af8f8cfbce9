"""Models of the negotiation between the US and Canada: figures, trade, games and the paper's tables."""
