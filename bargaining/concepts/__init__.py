"""Solution concepts: what axioms say a fair or reasonable agreement is."""
