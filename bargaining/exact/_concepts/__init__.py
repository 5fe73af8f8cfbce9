"""Certifiers of the axiomatic concepts, and the exact arithmetic that they rest on."""
