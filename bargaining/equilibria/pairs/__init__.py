"""Nash-in-Nash: several pairs bargain at once, each taking the others' contracts as given."""
