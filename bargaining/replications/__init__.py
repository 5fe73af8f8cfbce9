"""Published numbers, each beside what this library computes: files of numbers, and how each is computed."""
