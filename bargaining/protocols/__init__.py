"""Negotiation protocols: who makes offers when, who may leave, and what delay costs."""
