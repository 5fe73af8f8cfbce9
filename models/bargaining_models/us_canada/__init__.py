"""The negotiation between the United States and Canada, one file for each formal model."""
