"""The tables of the paper; `python -m bargaining_models.paper` computes them."""
