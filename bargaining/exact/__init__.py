"""Answers in exact rationals and closed forms, and certificates of those in floats."""
