"""What the formulas share: frontiers given by a formula, and how to print what comes out."""
