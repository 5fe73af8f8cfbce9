"""Certifiers on concave programs: intervals, boxes around saddle points, and prices."""
