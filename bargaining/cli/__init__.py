"""The command `bargaining`: it solves problems and games written in a file; other packages can add commands."""
