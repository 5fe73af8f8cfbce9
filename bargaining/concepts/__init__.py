"""Solution concepts: agreements that are characterised by axioms."""
