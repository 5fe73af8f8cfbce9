"""Perfect public equilibria of repeated games in which actions are observed through a public signal."""
