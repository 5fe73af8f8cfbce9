"""What lotteries over agreements make of sets that are not convex, and who refuses them without."""

from __future__ import annotations

from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet, is_convex, known
from bargaining.feasible.transform import Relabelled, Rescaled, Restricted, relabelled, rescaled, restricted


def convex_only(feasible: FeasibleSet, method: str) -> None:
    """Refuse a set that is not convex."""
    if not is_convex(feasible):
        raise NotApplicable(
            f"{method} needs a convex set; a {type(feasible).__name__} is not. Allow lotteries with its "
            f"`convex_hull()`, or use `nash_set` or `conley_wilkie`."
        )


def with_lotteries(feasible: FeasibleSet) -> FeasibleSet:
    """Return the convex hull of a set, perhaps within others; the set itself if it is convex."""
    if is_convex(feasible):
        return feasible
    hull = known(feasible, "convex_hull")
    if hull is not None:
        found: FeasibleSet = hull()
        return found
    inner = with_lotteries(feasible.within)  # type: ignore[attr-defined]
    if isinstance(feasible, Rescaled):
        return rescaled(inner, feasible.scale, feasible.shift)
    if isinstance(feasible, Relabelled):
        return relabelled(inner, feasible.order)
    return restricted(inner, feasible.floor) if isinstance(feasible, Restricted) else inner
