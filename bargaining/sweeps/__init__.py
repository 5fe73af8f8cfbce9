"""Any model over any grid, on one core or a cluster, without losing work."""
