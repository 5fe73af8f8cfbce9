"""The pivot game and its equilibria as plain programs: chains as dictionaries, sets by the operator itself.

It takes from the package what a year is worth at each tariff pair and level, and nothing else; it is the oracle of
tables T6 and T10, and of figures F1 and F4. Without transfers, the operator is applied to polygons until
they stay; with them, values are iterated and profiles that cannot be sustained struck out.
"""

import itertools

import numpy as np


def hull(points, eps):
    """Vertices counter-clockwise; one goes if it lies between its neighbours, within `eps` of their edge."""
    points, chains = points[np.lexsort((points[:, 1], points[:, 0]))].tolist(), []
    for order in (points, points[::-1]):
        chain = []
        for x, y in order:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        chains += chain[:-1]
    kept = chains[:1]
    for k in range(1, len(chains)):
        (ax, ay), (bx, by), (cx, cy) = kept[-1], chains[k], chains[(k + 1) % len(chains)]
        u, v, p, q = bx - ax, by - ay, cx - bx, cy - by
        between = u * p + v * q >= 0 and u * q - v * p <= eps * (abs(u + p) + abs(v + q))
        if not (between or abs(u) + abs(v) <= eps):
            kept.append((bx, by))
    return np.array(kept or points[:1])


def clip(polygon, axis, least, slack):
    """What is left of a polygon where one coordinate is `least` or more."""
    above = polygon[:, axis] - least
    if len(polygon) == 0 or above.min() >= -slack:
        return polygon
    out = []
    for k in range(len(polygon)):
        here, there, u, v = (
            polygon[k],
            polygon[(k + 1) % len(polygon)],
            above[k],
            above[(k + 1) % len(polygon)],
        )
        if u >= -slack:
            out.append(here)
        if (u >= -slack) != (v >= -slack):
            cut = here + u / (u - v) * (there - here)
            cut[axis] = least
            out.append(cut)
    return np.array(out).reshape(-1, 2)


def weighted_sum(polygons, weights, eps):
    """The Minkowski sum: edges in the order of their angle, from the sum of the lowest vertices."""
    corner, edges = np.zeros(2), []
    for polygon, weight in zip(polygons, weights, strict=True):
        ring = np.roll(polygon, -np.lexsort((polygon[:, 0], polygon[:, 1]))[0], axis=0)
        corner = corner + weight * ring[0]
        edges.append(weight * (np.roll(ring, -1, axis=0) - ring) if len(ring) > 1 else np.empty((0, 2)))
    edges = np.concatenate(edges)
    edges = edges[np.argsort(np.arctan2(edges[:, 1], edges[:, 0]) % (2 * np.pi), kind="stable")]
    return hull(corner + np.concatenate([np.zeros((1, 2)), np.cumsum(edges, axis=0)]), eps)


def best_replies(worth):
    """What each player gets by the best reply to the other's action, in the shape of `worth`."""
    first = np.broadcast_to(worth[..., 0].max(axis=0, keepdims=True), worth.shape[:2])
    second = np.broadcast_to(worth[..., 1].max(axis=1, keepdims=True), worth.shape[:2])
    return np.stack([first, second], axis=-1)


def operator(polygons, games, chains, discount, leave, eps):
    """Apply the operator once; `leave` holds what leaving is worth by state, or is None."""
    threat = np.array([polygon.min(axis=0) for polygon in polygons]) if leave is None else leave
    out = []
    for s, (flow, chain) in enumerate(zip(games, chains, strict=True)):
        least = best_replies((1 - discount) * flow + discount * chain @ threat)
        least = least if leave is None else np.maximum(least, leave[s])
        needed = (least - (1 - discount) * flow) / discount
        sums, points = {}, [] if leave is None else [leave[[s]]]
        for a, b in np.ndindex(flow.shape[:2]):
            law = tuple(np.flatnonzero(chain[a, b])), tuple(chain[a, b][chain[a, b] > 0])
            if law not in sums:
                sums[law] = weighted_sum([polygons[k] for k in law[0]], law[1], eps)
            promised = clip(clip(sums[law], 0, needed[a, b, 0], eps), 1, needed[a, b, 1], eps)
            if len(promised):
                points.append((1 - discount) * flow[a, b] + discount * promised)
        out.append(hull(np.concatenate(points), eps))
    return out


def payoff_sets(games, chains, discount, leave=None, *, moves=1e-10):
    """Iterate the operator from sets that hold every payoff until nothing moves by `moves` of the range.

    Averages are weighted sums of flows, as both are equally patient. Nobody is held below the exit, or below the
    best reply of the year to the other's harshest action.
    """
    points = np.concatenate([flow.reshape(-1, 2) for flow in games] + ([] if leave is None else [leave]))
    if leave is None:
        floor = np.min([[f[..., i].max(axis=i).min() for i in (0, 1)] for f in games], axis=0)
    else:
        floor = leave.min(axis=0)
    size = np.ptp(points, axis=0).max()
    polygons = [clip(clip(hull(points, 0.0), 0, floor[0], 0.0), 1, floor[1], 0.0)] * len(games)
    for _ in range(5000):
        before, polygons = polygons, operator(polygons, games, chains, discount, leave, 1e-12 * size)
        if max(map(distance, before, polygons)) <= moves * size:
            return polygons
    raise AssertionError("the sets still move")


def distance(one, other):
    """The largest difference of support across an edge of either: beyond one lies whatever only one of them has."""
    edges = np.concatenate([np.roll(some, -1, axis=0) - some for some in (one, other)])
    edges = edges[np.abs(edges).max(axis=1) > 0]
    ways = np.stack([edges[:, 1], -edges[:, 0]]) / np.linalg.norm(edges, axis=1)
    apart = np.abs((one @ ways).max(axis=0) - (other @ ways).max(axis=0))
    return max(apart.max(initial=0.0), np.abs(one.min(axis=0) - other.min(axis=0)).max())


def nash_point(polygon):
    """The largest product of gains over the lowest coordinates, edge by edge."""
    gains, best = polygon - polygon.min(axis=0), (-1.0, None)
    for here, there in zip(gains, np.roll(gains, -1, axis=0), strict=True):
        (x, y), (u, v) = here, there - here
        inside = [-(x * v + y * u) / (2 * u * v)] if u * v else []
        for t in [0.0, *(t for t in inside if 0 < t < 1)]:
            best = max(best, ((x + t * u) * (y + t * v), tuple(here + t * (there - here))))
    return polygon.min(axis=0) + best[1]


def iterate(update, start):
    """Repeat until nothing moves: every update is a contraction."""
    for _ in range(100_000):
        before, start = start, update(start)
        if np.abs(start - before).max() < 1e-13 * max(1.0, np.abs(start).max()):
            return start
    raise AssertionError("the values still move")


def with_transfers(games, chains, discount, leave=None):
    """The largest joint payoffs, the lowest payoffs and what is played for the joint ones, by state."""
    states = range(len(games))
    sustained = [np.ones(flow.shape[:2], dtype=bool) for flow in games]

    def promised(s, joint):
        return (1 - discount) * games[s].sum(axis=-1) + discount * chains[s] @ joint

    def together(joint):
        best = np.array([promised(s, joint)[sustained[s]].max() for s in states])
        return best if leave is None else np.maximum(best, leave.sum(axis=1))

    def against(lowest):
        worth = [best_replies((1 - discount) * games[s] + discount * chains[s] @ lowest) for s in states]
        return np.array([worth[s][sustained[s]].min(axis=0) for s in states])

    while True:
        joint = iterate(together, np.zeros(len(games)))
        lowest = iterate(against, np.zeros((len(games), 2))) if leave is None else leave
        before, sustained = sustained, []
        for s in states:
            needed = best_replies((1 - discount) * games[s] + discount * chains[s] @ lowest)
            needed = needed if leave is None else np.maximum(needed, leave[s])
            sustained.append(before[s] & (promised(s, joint) >= needed.sum(axis=-1) - 1e-10))
        if all((now == then).all() for now, then in zip(sustained, before, strict=True)):
            values = [np.where(sustained[s], promised(s, joint), -np.inf) for s in states]
            return joint, lowest, [np.unravel_index(v.argmax(), v.shape) for v in values]


def follow(games, chains, discount, profile):
    """What a profile by state is worth, and its chain."""
    chain = np.array([chains[s][profile[s]] for s in range(len(games))])
    flow = np.array([games[s][profile[s]] for s in range(len(games))])
    return np.linalg.solve(np.eye(len(games)) - discount * chain, (1 - discount) * flow), chain, flow


def alone_is_worse(games, left):
    """Check that leaving alone is worse than any year in which the other does its worst, in every state.

    Then nobody leaves by itself in an equilibrium: who stays has at least its best reply of each year. So the right of
    one to leave changes nothing.
    """
    least = [[flow[..., k].max(axis=k).min() for k in (0, 1)] for flow in games]
    assert (left.max(axis=0) < np.min(least, axis=0)).all()


class PlainPivot:
    """The pivot game: flows (L + 1, C, U, 2) by level, the last for a closed market, and what the levels cost.

    The states are the levels with the market open, then those above the first with it closed. `frozen`: nothing is
    built after leaving.
    """

    def __init__(
        self,
        flows,
        closed_border,
        capital,
        highest,
        *,
        nash=(3, 3),
        lead=5.0,
        closure=0.0,
        reopening=0.0,
        blocking=0.0,
        wear=0.0,
        running=0.0,
        frozen=False,
    ):
        levels, (canada, us) = len(flows) - 1, flows.shape[1:3]
        states = [
            (level, shut)
            for shut in (0, 1)[: 1 + bool(closure)]
            for level in range(levels)
            if level or not shut
        ]
        place = {state: k for k, state in enumerate(states)}
        worn, again, closes = 1 - np.exp(-wear), 1 - np.exp(-reopening), 1 - np.exp(-closure)
        self.canada, self.levels, self.nash, self.frozen = canada, levels, nash, frozen
        self.games, self.chains, self.alone = [], [], []
        for level, shut in states:
            here, own = (some[-1 if shut else level] for some in (flows, closed_border))
            kept = running * capital[:level].sum()
            steps = (0, 1) if not shut and level < levels - 1 else (0,)
            closed_after = 1 - again if shut else closes if level else 0.0
            game, chain, alone = [], [], []
            for step in steps:
                spent = np.array([kept + (step * capital[level] / lead if step else 0.0), 0.0])
                alone.append(own - spent)
                for a, u in itertools.product(range(canada), range(us)):
                    law = np.zeros(len(states))
                    opens = step / lead * (1 - blocking if u == highest else 1)
                    for after, up, chance in (
                        (1, 0, closed_after),
                        (0, 0, (1 - closed_after) * (1 - opens)),
                        (0, 1, (1 - closed_after) * opens),
                    ):
                        there = level + up
                        if not chance:
                            continue
                        falls = worn if level and there else 0.0
                        law[place[there, after]] += chance * (1 - falls)
                        if falls:
                            law[place.get((there - 1, after), 0)] += chance * falls
                    game.append(here[a, u] - spent)
                    chain.append(law)
            self.games.append(np.reshape(game, (-1, us, 2)))
            self.chains.append(np.reshape(chain, (-1, us, len(states))))
            self.alone.append(np.array(alone))

    def war(self, discount, nash=None):
        """Canada's best plan of building while both set the tariffs `nash`: the profile by state."""
        nash = self.nash if nash is None else nash
        rows = [[nash[0] + self.canada * b for b in range(len(g) // self.canada)] for g in self.games]
        return self._plan(
            [g[r, nash[1]] for g, r in zip(self.games, rows, strict=True)], rows, nash[1], discount
        )[0]

    def after_leaving(self, discount):
        """What each gets once the border is closed: Canada builds as is best for itself, the US sets no tariff."""
        if self.frozen:
            return np.array([own[0] for own in self.alone])
        rows = [[self.canada * b for b in range(len(own))] for own in self.alone]
        return self._plan(self.alone, rows, 0, discount)[1]

    def builds_to(self, profile):
        """What Canada reaches by a profile if nothing closes, in percent: levels of 5."""
        builds = [profile[level][0] >= self.canada for level in range(self.levels)]
        return 5.0 * builds.index(False)

    def _plan(self, flows, rows, column, discount):
        chains = [chain[r, column] for chain, r in zip(self.chains, rows, strict=True)]

        def worth(values):
            return [
                (1 - discount) * f[:, 0] + discount * c @ values for f, c in zip(flows, chains, strict=True)
            ]

        values = iterate(lambda v: np.array([w.max() for w in worth(v)]), np.zeros(len(flows)))
        plan = [int(w.argmax()) for w in worth(values)]
        chain = np.array([c[k] for c, k in zip(chains, plan, strict=True)])
        flow = np.array([f[k] for f, k in zip(flows, plan, strict=True)])
        both = np.linalg.solve(np.eye(len(flow)) - discount * chain, (1 - discount) * flow)
        return [(rows[s][k], column) for s, k in enumerate(plan)], both
