"""us_canada."""
