"""Answers in exact rationals and closed forms, and certificates of answers in floats."""
