"""What can be agreed: one file for each way to describe a set of payoffs."""
