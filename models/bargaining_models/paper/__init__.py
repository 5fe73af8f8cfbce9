"""The paper's tables and figures, from figures to files: `python -m bargaining_models.paper`."""
