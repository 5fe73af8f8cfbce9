"""Hypothesis profiles: `dev` at the desk, `ci` repeatable, `thorough` for a night.

The variable HYPOTHESIS_PROFILE picks one; without it, CI decides between the first two.
"""

import os

from hypothesis import HealthCheck, settings

# Timings of a shared machine say nothing about the code, so no profile has a deadline.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("dev", max_examples=20, **_PATIENT)
settings.register_profile("ci", max_examples=20, derandomize=True, print_blob=True, **_PATIENT)
settings.register_profile("thorough", max_examples=10_000, **_PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))
