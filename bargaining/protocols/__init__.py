"""Procedures of negotiation: who offers when, who may leave, and what delay costs."""
