"""Perfect public equilibria of repeated games whose actions are seen through a public signal."""
