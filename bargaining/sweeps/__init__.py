"""Sweeps: any model over any grid, on one core or a cluster, with checkpoints."""
