"""Published numbers about trade, each beside what the laboratory computes from data that the reader has."""
