"""Games as data: normal form, repeated, stochastic and coalitional."""
