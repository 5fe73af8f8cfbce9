"""The command `bargaining`: answers to problems and games written in a file, and what other packages add to it."""
