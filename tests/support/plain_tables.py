"""The tables of the paper as plain programs, from the equations on the pages; `recomputed` says which rows they give.

A `World` is the plain trade model at the tariffs of a date: it reads the CSV files itself, finds the tariff war by its
own root of differenced slopes, and gives the money of Canada, the US and China. What the tables make of that money is
written out below, period by period. Nothing is shared with the package.
"""

import csv
from itertools import combinations, pairwise, permutations
from pathlib import Path
from zlib import crc32

import numpy as np
from scipy import stats
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm
from scipy.optimize import brentq, linprog, minimize_scalar

import bargaining_models
from plain_pivot import PlainPivot, alone_is_worse, follow, nash_point, payoff_sets, with_transfers
from plain_trade import GOODS, PlainTrade, column

DATA = Path(bargaining_models.__file__).parent / "data"
RATE = 0.05
USA, CAN, CHN = 0, 1, 2
ORDER = [CAN, USA, CHN]
SHARES = (0.0, 0.05, 0.10, 0.15, 0.20, 0.30)
STEP = 4e-3  # of a tariff, by which welfare is differenced
SETTLED = 1e-6  # of a slope, in USD bn for a whole
STEPS = 1200  # of a stretch of time in which nothing jumps

# What the figures say


def rows_of(path, **only):
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if all(row[k] == v for k, v in only.items())]


def draw_by_hand(folder, number, structure, seed):
    """Elasticities by sector and the share of January 2026 in a draw of a seed, by quantiles of their priors."""

    def uniform(name, size=1):
        return np.random.default_rng([seed, number, crc32(name.encode())]).random(size)

    rows = rows_of(folder / "elasticity_priors.csv", structure=structure)
    if structure == "icio2019":
        rows = [next(r for r in rows if r["sector"] == section[0]) for section in SECTIONS]
    normal = stats.norm.ppf(uniform("elasticities", 1 + len(rows)))
    value, spread = (np.array([float(row[key]) for row in rows]) for key in ("value", "spread"))
    theta = value * np.exp(spread * (np.sqrt(0.2) * normal[0] + np.sqrt(0.8) * normal[1:]))
    (row,) = rows_of(folder / "priors.csv", input="r_january_arrangement")
    low, mode, high = (float(row[f"parameter_{k}"]) for k in (1, 2, 3))
    return theta, float(stats.triang.ppf(uniform("r")[0], (mode - low) / (high - low), low, high - low))


MERGED = ((0,), (1,), tuple(range(2, 9)), (9,), (10,))  # of the eleven sectors, those of each of the five
SECTIONS = ("A", "B", "C", "DE", "FGHIJKLMNOPQRST")


def merged(values, weights):
    """Means by group of sectors; plain ones where nothing weighs."""
    groups = []
    for some in MERGED:
        part, weight = values[..., list(some)], weights[..., list(some)]
        total = weight.sum(-1)
        groups.append(
            np.where(total > 0, (part * weight).sum(-1) / np.where(total > 0, total, 1), part.mean(-1))
        )
    return np.stack(groups, axis=-1)


def inputs_of_icio(folder):
    """Input shares by the four regions and five sectors: the value of inputs over that of output."""
    where = folder / "structures" / "icio2019"
    flows = column(where, "trade_flows.csv", ["exporter", "sector", "importer"])
    names, letters = (
        list(dict.fromkeys(r[k] for r in rows_of(where / "trade_flows.csv"))) for k in ("exporter", "sector")
    )
    output, use = flows.sum(-1), np.zeros((len(names), len(letters), len(letters)))
    for r in rows_of(where / "input_shares.csv"):
        n, k, j = names.index(r["region"]), letters.index(r["using_sector"]), letters.index(r["input_sector"])
        use[n, k, j] = float(r["value"]) * output[n, k]
    regions = [[names.index(name)] for name in ("USA", "CAN", "CHN")]
    regions.append([k for k in range(len(names)) if [k] not in regions])
    sectors = [[letters.index(letter) for letter in section] for section in SECTIONS]
    shares = np.zeros((4, 5, 5))
    for n, own in enumerate(regions):
        for k, using in enumerate(sectors):
            made = output[np.ix_(own, using)].sum()
            for j, bought in enumerate(sectors):
                shares[n, k, j] = use[np.ix_(own, using, bought)].sum() / made
    return shares


class World:
    """Money of Canada, the US and China by outcome, USD bn a year; each is found once."""

    def __init__(self, folder, *, day=None, theta=5.0, icio=False, links=True):
        self.day = day
        self.facts = {row["name"]: float(row["value"]) for row in rows_of(folder / "facts.csv")}
        model = PlainTrade(folder, 5.0)
        flows = column(folder, "trade_flows.csv", ["exporter", "sector", "importer"]).transpose(2, 0, 1)
        names = [row["sector"] for row in rows_of(folder / "sectors.csv")]
        regions = [row["region"] for row in rows_of(folder / "regions.csv")]
        base, standing = model.tariff, model.tariff.copy()
        dated = [
            row
            for row in rows_of(folder / "tariff_schedules.csv")
            if row["schedule"] in ("us_2025_26", "canada_2025_26")
        ]
        listed = dated
        if day is not None:  # in force each until the next
            days = rows_of(folder / "tariffs" / "wiod2011_adjusted.csv")
            listed = sorted((row for row in days if row["date"] <= day), key=lambda row: row["date"])
        added = np.zeros_like(base)
        for rows, into in ((dated, added), (listed, standing)):
            for row in rows:
                link = regions.index(row["importer"]), regions.index(row["exporter"])
                of = slice(0, GOODS) if row["sector"] == "goods" else names.index(row["sector"])
                into[*link, of] = float(row["value"]) / 100
        caps = [float(row["value"]) for row in rows_of(folder / "redirect_caps.csv")]
        self.exports = {name: flows[USA, CAN, names.index(name)] for name in ("MIN", "FOOD")}
        self.exported = flows[USA, CAN, :GOODS]
        self.place, caps = {"MIN": 1, "FOOD": 2}, np.array(caps)
        goods = GOODS
        if icio:
            goods, caps = 3, merged(caps, flows[USA, CAN])
            self.exports["FOOD"] = flows[USA, CAN, list(MERGED[2])].sum()
            base, standing, added = (merged(rates, flows) for rates in (base, standing, added))
            flows = np.stack([flows[..., list(some)].sum(-1) for some in MERGED], axis=-1)
            self.exported = flows[USA, CAN, :goods]
            model = PlainTrade.of(flows, inputs_of_icio(folder) * links, base, theta)
        elif links:
            model = PlainTrade(folder, theta)
        else:
            model = PlainTrade.of(flows, np.zeros((4, len(names), len(names))), base, theta)
        self.model, self.goods, self.caps, self.standing = model, goods, caps, standing
        self.theta = np.broadcast_to(theta, caps.shape)
        self.schedules = {CAN: added[CAN, USA], USA: added[USA, CAN]}
        self.free = standing.copy()
        self.free[USA, CAN], self.free[CAN, USA] = base[USA, CAN], base[CAN, USA]
        self.known, self.rates, self.inverse = {}, np.array([0.1, 0.12]), None
        self.fought = {}  # the rates of the war by trade costs
        self.friction = np.ones_like(self.free)

    def cost(self, r, capped=False):
        """Trade costs, of the route to China alone: r of exports to the US by sector, at fixed prices."""
        share, cost = np.broadcast_to(r, self.caps.shape)[: self.goods], self.friction.copy()
        share = np.minimum(share, self.caps[: self.goods]) if capped else share
        sold = self.model.flows[:, CAN, : self.goods]
        cost[CHN, CAN, : self.goods] = (1 + share * sold[USA] / sold[CHN]) ** (-1 / self.theta[: self.goods])
        return cost

    def money(self, tariff, cost):
        percent = self.model.welfare(tariff, cost)
        return (percent * self.model.income / 100)[ORDER]

    def of(self, outcome, r=0.0, *, capped=False):
        key = outcome, np.array(r).tobytes(), capped
        if key not in self.known:
            self.known[key] = getattr(self, f"_{outcome}")(self.cost(r, capped))
        return self.known[key]

    def _agreement(self, cost):
        return self.money(self.free, cost)

    def _quo(self, cost):
        return self.money(self.standing, cost)

    def _exit(self, cost):
        shut = cost.copy()
        shut[CAN, USA, : self.goods] = shut[USA, CAN, : self.goods] = np.inf
        return self.money(self.free, shut)

    def _war(self, cost):
        """Both slopes are zero: welfare of each in its own rate, differenced by five points."""

        def at(rates):
            tariff = self.free.copy()
            tariff[CAN, USA, : self.goods] += rates[0]
            tariff[USA, CAN, : self.goods] += rates[1]
            return self.money(tariff, cost)

        def slopes(rates):
            found = []
            for own in (0, 1):
                values = []
                for k in (-2, -1, 1, 2):
                    moved = np.array(rates, dtype=float)
                    moved[own] += k * STEP
                    values.append(at(moved)[own])
                found.append((values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * STEP))
            return np.array(found)

        # Broyden's method, from what was learned at the last war; if that misleads, afresh.
        for _ in range(3):
            rates, here = self.rates, slopes(self.rates)
            if self.inverse is None:
                moved = [(slopes(rates + 1e-4 * one) - here) / 1e-4 for one in np.eye(2)]
                self.inverse = np.linalg.inv(np.transpose(moved))
            for _ in range(30):
                step = np.clip(-self.inverse @ here, -0.05, 0.05)
                rates = rates + step
                before, here = here, slopes(rates)
                turned = self.inverse @ (here - before)
                self.inverse += np.outer(step - turned, step @ self.inverse) / (step @ turned)
                if np.abs(here).max() < SETTLED:
                    self.rates = self.fought[cost.tobytes()] = rates
                    return at(rates)
            self.inverse = None
        raise AssertionError("the tariff war was not found")


class Diverted(World):
    """The same where r is the part of its exports to the US that Canada diverts, by a capacity alike in all sectors."""

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        self.capacities, self.other = {}, World(folder, **options)

    def cost(self, r, capped=False):
        assert not capped
        if r not in self.capacities:
            self.capacities[r] = capacity(self.other, r)
        return super().cost(self.capacities[r])


def nash(agreement, threat):
    """What home pays so that both gain alike by the agreement."""
    return ((agreement - threat)[0] - (agreement - threat)[1]) / 2


# Talks along a path: T7 and T9


class Path:
    """Flows over time: `at(outcome, k, t)` within stretch k, which begins at `dates[k]`; the last one never ends."""

    def __init__(self, dates, at):
        self.dates, self.at = [0.0, *dates], at
        self.annuities = {}

    def stretches(self):
        return list(pairwise(self.dates))

    def annuity(self, outcome):
        """By stretch, what the flow from each moment on is worth as a level one; then what it is worth at the end."""
        if outcome not in self.annuities:
            last = np.array(self.at(outcome, len(self.dates) - 1, np.array([self.dates[-1]]))[0])
            values, later = [last], last
            nodes, weights = np.polynomial.legendre.leggauss(3)
            for k, (start, end) in reversed(list(enumerate(self.stretches()))):
                h = (end - start) / (2 * STEPS)
                moments = start + h * np.arange(2 * STEPS)
                flow = [
                    RATE * np.exp(-RATE * h * (1 + x) / 2) * self.at(outcome, k, moments + h * (1 + x) / 2).T
                    for x in nodes
                ]
                earned = (h / 2 * np.tensordot(weights, flow, 1)).T
                path = np.empty((2 * STEPS + 1, 2))
                path[-1] = later
                for n in reversed(range(2 * STEPS)):
                    path[n] = earned[n] + np.exp(-RATE * h) * path[n + 1]
                values.insert(0, path)
                later = path[0]
            self.annuities[outcome] = values
        return self.annuities[outcome]

    def ends(self, outcome):
        """What an outcome is worth today, and from the last date on."""
        values = self.annuity(outcome)
        return values[0].reshape(-1, 2)[0], values[-1]


def settle(pie, alone, war, walk):
    """What both have now: half each of what agreeing adds to going on, nobody less than by walking out."""
    if walk and pie < war.sum():  # no agreement gives both what walking out does
        return war, False
    if pie < alone.sum():
        return alone, False
    got = alone + (pie - alone.sum()) / 2
    if walk and got[0] < war[0]:
        got = np.array([war[0], pie - war[0]])
    elif walk and got[1] < war[1]:
        got = np.array([pie - war[1], war[1]])
    return got, True


def along(path, during, *, hazard=0.0, walk=None):
    """Payoffs of talks that begin at 0 and at the last date, and when they agree; offers follow without pause.

    `walk` is the outcome into which either may walk out, if any; a breakdown brings the war.
    """
    agreed, war, out = (path.annuity(name) for name in ("agreement", "war", walk or "war"))
    last = path.at(during, len(path.dates) - 1, np.array([path.dates[-1]]))[0]
    never = (RATE * last + hazard * war[-1]) / (RATE + hazard)
    got, now = settle(agreed[-1].sum(), never, out[-1], walk)
    end, when = got, path.dates[-1] if now else np.inf
    for k, (start, stop) in reversed(list(enumerate(path.stretches()))):
        h = (stop - start) / STEPS
        moments = start + h / 2 * np.arange(2 * STEPS + 1)
        flow = RATE * path.at(during, k, moments) + hazard * war[k]
        for n in reversed(range(STEPS)):
            left = np.exp(-(RATE + hazard) * h / 2 * np.arange(3))
            # Simpson's rule:
            here = h / 6 * (flow[2 * n] + 4 * left[1] * flow[2 * n + 1] + left[2] * flow[2 * n + 2])
            got, now = settle(agreed[k][2 * n].sum(), here + left[2] * got, out[k][2 * n], walk)
            when = start + n * h if now else when
    return got, end, when


def path_cells(path, reading, use, idle):
    """Today, once open, what waiting brings Canada and the US, and when they agree: a row of T7."""
    talks = use if reading == "Offers, inside option" else idle
    years, hazard = path.dates[-1], float(reading.split()[2]) if "breakdown" in reading else 0.0
    (first, last), (begin, done) = path.ends("agreement"), path.ends(talks)
    if reading == "Nash":  # they part where the war is worth more to both together
        alone = path.ends("war")
        got, end = (w + (a - w).sum() / 2 for a, w in zip((first, last), alone, strict=True))
        when = 0.0 if first.sum() >= alone[0].sum() else np.inf
    else:
        walk = reading.rpartition("option: ")[2] if "outside" in reading else None
        got, end, when = along(path, talks, hazard=hazard, walk=walk)
    left = np.exp(-RATE * years)
    wait = begin - left * done + left * end - got
    return {"today": first[0] - got[0], "open": last[0] - end[0], "wait": wait, "when": when, "got": got}


READINGS = (
    "Nash",
    "Offers, inside option",
    "Offers, breakdown 0.05 a year",
    "Offers, breakdown 0.5 a year",
    "Offers, outside option: war",
)


def steps(world, dates, shares, route):
    """The share jumps from each to the next at the dates; under a deal that closes the route nobody uses it."""

    def at(outcome, k, t):
        one = outcome == "agreement" and not route
        flow = world.of("quo") if outcome == "idle" else world.of(outcome, 0.0 if one else shares[k])
        return np.broadcast_to(flow[:2], (len(t), 2))

    return Path(dates, at)


def line(world, years, end, route):
    """The share grows at one pace; between nine shares money is the polynomial through them."""
    nodes = np.polynomial.chebyshev.chebpts2(9)
    shares = end * (1 + nodes) / 2
    money = {
        name: np.polynomial.chebyshev.chebfit(nodes, [world.of(name, r)[:2] for r in shares], 8)
        for name in ("agreement", "quo", "war")
    }

    def at(outcome, k, t):
        if outcome == "idle" or (outcome == "agreement" and not route):
            flow = world.of("quo" if outcome == "idle" else "agreement")[:2]
            return np.broadcast_to(flow, (len(t), 2))
        share = np.clip(t / years, 0, 1) if k == 0 else np.ones(len(t))
        return np.polynomial.chebyshev.chebval(2 * share - 1, money[outcome]).T

    return Path([years], at)


# Talks along a chain: T7


def chain_cells(world, share, opening, closing, reopening, route, reading):
    """Transfers agreed before it opens and once it is open; offers every month, each side making half of them.

    They are agreed if both make offers that the other takes; whoever is made none that it takes may walk out.
    """
    moves = np.array([[-opening, opening, 0], [0, -closing, closing], [0, reopening, -reopening]])
    at = {
        name: np.array(
            [world.of(name, 0.0 if name == "agreement" and not route else r)[:2] for r in (0.0, share, 0.0)]
        )
        for name in ("agreement", "war", "quo")
    }
    at["idle"] = np.array([world.of("quo")[:2]] * 3)

    def worth(process, flow):
        return np.linalg.solve(RATE * np.eye(len(process)) - process, RATE * flow)

    agreed, war = worth(moves, at["agreement"]), worth(moves, at["war"])
    if reading == "Nash":
        return [
            nash(a, w) if a.sum() >= w.sum() else np.nan for a, w in zip(agreed[:2], war[:2], strict=True)
        ]
    hazard = float(reading.split()[2]) if "breakdown" in reading else 0.0
    talks = at["quo"] if route or reading == "Offers, inside option" else at["idle"]
    process = np.block([[moves - hazard * np.eye(3), hazard * np.eye(3)], [np.zeros((3, 3)), moves]])
    never = worth(process, np.concatenate([talks, at["war"]]))
    month = np.exp(-RATE / 12) * expm(process / 12)
    # What a month of talks is worth by itself, the war after a breakdown included:
    kept = never - month @ never
    value = never.copy()
    for _ in range(20_000):
        waits = (kept + month @ value)[:3]
        leaves = ("war" in reading) & (war > waits)
        least = np.where(leaves, war, waits)
        fresh, both_offer = never.copy(), np.ones(3, dtype=bool)
        for s in range(3):
            made = []
            for maker in (0, 1):
                offer = agreed[s].sum() - least[s, 1 - maker]
                both = np.empty(2)
                both[1 - maker] = least[s, 1 - maker]
                both[maker] = offer
                refused = war[s] if leaves[s, 1 - maker] else waits[s]
                made.append(both if offer >= refused[maker] else refused)
                both_offer[s] &= made[-1] is both
            fresh[s] = np.mean(made, axis=0)
        moved, value = np.abs(fresh - value).max(), fresh
        if moved < 1e-13:
            break
    return [agreed[s, 0] - value[s, 0] if both_offer[s] else np.nan for s in (0, 1)]


# Projects: T9


def projects(world):
    """Name, lead time, capital and the share of exports to the US by sector, volumes at the prices of the figures."""
    f, days = world.facts, 365.0
    cad = f["cad_per_usd"]

    def crude(barrels):
        return {"MIN": f[barrels] * days * f["crude_price"] / 1e6 / world.exports["MIN"]}

    def gas(tons):
        feet = f[tons] * f["lng_canada_capacity_gas"] / f["lng_canada_capacity"]
        return {"MIN": feet * days * f["gas_price"] / 1e3 / world.exports["MIN"]}

    phase_2 = f["lng_expansion_cost_share"] * f["lng_canada_cost"] / cad
    canola = f["canola_redirectable"] * f["canola_to_us"] / cad / world.exports["FOOD"]
    return {
        "canola access": (f["canola_access_lead_time"], f["canola_access_cost"] / cad, {"FOOD": canola}),
        "drag-reducing agents": (f["tmx_drag_lead_time"], f["tmx_drag_cost"] / cad, crude("tmx_drag_added")),
        "Cedar LNG": (f["cedar_lng_lead_time"], f["cedar_lng_cost"], gas("cedar_lng")),
        "pumping stations": (
            f["tmx_optimisation_lead_time"],
            f["tmx_optimisation_cost"] / cad,
            crude("tmx_optimisation_added"),
        ),
        "second expansion": (f["tmx_lead_time"], f["tmx_cost"] / cad, crude("tmx_added_capacity")),
        "LNG Canada phase 2": (f["lng_canada_lead_time"], phase_2, gas("lng_canada_expansion")),
    }


PROGRAMME = ("canola access", "drag-reducing agents", "Cedar LNG", "pumping stations", "LNG Canada phase 2")


def by_sector(world, shares):
    """A share for every sector of the model from those by name."""
    found = np.zeros(world.caps.shape)
    for sector, share in shares.items():
        found[world.place[sector]] += share
    return found


def project_cells(world, name, route):
    """A row of T9."""
    lead, capital, shares = projects(world)[name]
    full, charge = by_sector(world, shares), RATE * capital
    zero = np.zeros_like(full)
    use, idle = "quo", "quo" if route else "idle"
    without, built = steps(world, [], [zero], route), steps(world, [lead], [zero, full], route)
    cells = {"lead": lead, "cost": capital, "charge": charge}
    found = {}
    for key, reading in (
        ("nash", "Nash"),
        ("broken", "Offers, breakdown 0.5 a year"),
        ("walk", "Offers, outside option: war"),
    ):
        found[key] = [path_cells(path, reading, use, idle) for path in (without, built)]
        cells[f"{key}_leverage"] = found[key][0]["today"] - found[key][1]["today"]
        cells[f"{key}_dollar"] = cells[f"{key}_leverage"] / charge
    never, ever = found["broken"]
    cells["at_once"] = (ever["got"] - never["got"])[0] - charge
    cells["first"] = (ever["got"] + ever["wait"] - never["got"])[0] - charge
    cells["trade"] = (built.ends("agreement")[0] - without.ends("agreement")[0])[0]
    nodes = np.polynomial.chebyshev.chebpts2(7)
    parts = (1 + nodes) / 2
    paid = [nash(world.of("agreement", k * full if route else 0.0), world.of("war", k * full)) for k in parts]
    fine = np.linspace(0, 1, 4001)
    curve = np.polynomial.chebyshev.chebval(2 * fine - 1, np.polynomial.chebyshev.chebfit(nodes, paid, 6))
    cells["built"] = 100 * fine[np.argmax(curve[0] - curve - charge * fine)]
    return cells


# Claims: T8


def claim_cells(world, route, war, share, belief=0.3):
    """A row of T8: a call brings the war for some years and then the true terms."""
    kept = np.exp(-RATE * war)
    agreed = [world.of("agreement", share if route else 0.0), world.of("agreement")]
    fought = [world.of("war", share), world.of("war")]
    strong, weak = (nash(a, w) for a, w in zip(agreed, fought, strict=True))
    called = [
        (1 - kept) * (w - a)[:2] + kept * t * np.array([-1.0, 1.0])
        for a, w, t in zip(agreed, fought, (strong, weak), strict=True)
    ]
    gain, loss = called[1][1] - strong, strong - called[0][1]
    threshold = 0.0 if gain <= 0 else 1.0 if loss <= 0 else gain / (gain + loss)
    stakes = [-strong - one[0] for one in called]
    cells = {
        "weak": weak,
        "strong": strong,
        "threshold": threshold,
        "stake_strong": stakes[0],
        "stake_weak": stakes[1],
        "ratio": stakes[0] / stakes[1],
    }
    if not 0 < threshold < 1:
        return cells | {"bluff": None, "call": None}
    if belief >= threshold:  # believed as it is: all claim, nobody calls
        return cells | {"bluff": 1.0, "call": 0.0}
    bluff = belief * (1 - threshold) / ((1 - belief) * threshold)  # the US is indifferent
    concede = (-weak - called[1][0]) / stakes[1]  # and so is a weak Canada, between the claim and silence
    return cells | {"bluff": bluff, "call": 1 - concede}


# The triangle: T11


def triangle(world, r):
    """Money of the three by U and C in force or not."""
    return {
        (u, c): world.of("agreement" if u else "war", r if c else 0.0)
        for u in (False, True)
        for c in (False, True)
    }


def pair(agree, refuse, partner):
    """Canada and a partner share alike what both gain, if they do."""
    gain = sum((agree - refuse)[[0, partner]])
    if gain < 0:
        return refuse
    found = agree.copy()
    for who in (0, partner):
        found[who] = refuse[who] + gain / 2
    return found


def readings_of_three(m):
    """Payoffs of the three by reading."""
    none, c, u, both = m[False, False], m[False, True], m[True, False], m[True, True]
    once = both.copy()
    for partner, missing in ((1, c), (2, u)):
        gain = both - missing
        paid = (gain[0] - gain[partner]) / 2
        once[0] -= paid
        once[partner] += paid

    def ordered(first, ruled=False):
        mine, other = (u, c) if first == 1 else (c, u)
        signed = mine if ruled else pair(both, mine, 3 - first)
        return pair(signed, pair(other, none, 3 - first), first)

    # Again: Canada and each partner gain alike by their agreement, one that breaks leaving the other pair to divide.
    # This is what Canada has without partner 1, and without 2:
    left = [(one[0] + one[p] + none[0] - none[p]) / 2 for one, p in ((c, 2), (u, 1))]
    outside = [c[1], u[2]]
    canada = (both.sum() + sum(left) - sum(outside)) / 3
    again = np.array([canada, *(canada - x + o for x, o in zip(left, outside, strict=True))])
    worth = {
        (): 0.0,
        (0,): none[0],
        (1,): none[1],
        (2,): none[2],
        (0, 1): u[0] + u[1],
        (0, 2): c[0] + c[2],
        (1, 2): none[1] + none[2],
        (0, 1, 2): both.sum(),
    }
    return {
        "Route free": pair(both, c, 1),
        "At once": once,
        "China first": ordered(2),
        "US first": ordered(1),
        "US first, China ruled out": ordered(1, ruled=True),
        "Bargaining again": again,
        "Shapley value": orders(worth),
        "Nucleolus": least_complaints(worth),
    }


def orders(worth):
    """What each adds on average over the orders of arrival."""
    found = np.zeros(3)
    for order in permutations(range(3)):
        for k, who in enumerate(order):
            before, after = (tuple(sorted(order[:n])) for n in (k, k + 1))
            found[who] += (worth[after] - worth[before]) / 6
    return found


def least_complaints(worth):
    """The nucleolus: the largest complaint as small as can be, then the next, by linear programs."""
    groups = [group for size in (1, 2) for group in combinations(range(3), size)]
    member = {group: [float(k in group) for k in range(3)] for group in groups}
    settled, bounds = {}, [(worth[k,], None) for k in range(3)] + [(None, None)]
    while True:
        equal = [[1.0, 1.0, 1.0, 0.0]] + [[*member[g], 0.0] for g in settled]
        to = [worth[0, 1, 2], *settled.values()]
        free = [g for g in groups if g not in settled]
        if not free:
            break
        loose = [[*(-np.array(member[g])), -1.0] for g in free], [-worth[g] for g in free]
        first = linprog([0, 0, 0, 1.0], *loose, equal, to, bounds, method="highs")
        if np.linalg.matrix_rank(np.array(equal)[:, :3]) == 3:
            break
        for g in free:
            most = linprog(
                [*(-np.array(member[g])), 0.0],
                *(np.vstack([loose[0], [0, 0, 0, 1.0]]), [*loose[1], first.fun + 1e-11]),
                equal,
                to,
                bounds,
                method="highs",
            )
            if -most.fun <= worth[g] - first.fun + 1e-8:
                settled[g] = worth[g] - first.fun
    return first.x[:3]


def triangle_cells(world, r):
    """The rows of T11 at a share, by reading: payments to both, payoffs, China's part, the gain by ruling it out."""
    m = triangle(world, r)
    open_, shut = pair(m[True, True], m[False, True], 1), pair(m[True, False], m[False, False], 1)
    found = {}
    for name, payoffs in readings_of_three(m).items():
        state = m[True, True]
        if name == "US first, China ruled out":  # where both have more without that clause, only China signs
            state = m[True, False] if np.isclose(payoffs.sum(), m[True, False].sum()) else m[False, True]
        paid = (payoffs - state)[1:]
        found[name] = {
            "US": paid[0],
            "China": paid[1],
            **dict(zip(("CAN", "USA", "CHN"), payoffs, strict=True)),
            "part": 100 * paid[1] / (open_ - shut)[0] if r else None,
            "clause": m[True, False][:2].sum() - payoffs[:2].sum(),
        }
    return found


# Outcomes and divisions: T1, T1-r, T2 and the headline


def outcomes(world, r, capped, money=True):
    """A row of T1: what each outcome adds to free trade without a route."""
    scale = np.ones(2) if money else world.model.income[[CAN, USA]] / 100
    zero, cells = world.of("agreement")[:2], {}
    for name, outcome in (
        ("agreement", "agreement"),
        ("status_quo", "quo"),
        ("war", "war"),
        ("exit", "exit"),
    ):
        added = (world.of(outcome, r, capped=capped)[:2] - zero) / scale
        cells |= {f"{name}_Canada": added[0], f"{name}_US": added[1]}
    return cells


def agreed(world, share, route, reading, *, capped=False):
    """What Canada has by an agreement; NaN where both have more without one."""
    at = {name: world.of(name, share, capped=capped)[:2] for name in ("quo", "war", "exit")}
    at["agreement"] = world.of("agreement", share if route else 0.0, capped=capped)[:2]
    at["idle"] = at["quo"] if route else world.of("quo")[:2]
    if reading.startswith("Offers"):
        path = Path([], lambda outcome, _, t: np.broadcast_to(at[outcome], (len(t), 2)))
        found = path_cells(path, reading, "quo", "idle")
        return found["got"][0] if found["when"] == 0 else np.nan
    surplus = (at["agreement"] - at["war"]).sum()
    part = 0.4 if "weight" in reading else 0.5  # with payments the others divide alike
    return at["war"][0] + part * surplus if surplus > 0 else np.nan


def division(world, reading, share, *, route=True, capped=False):
    """A row of T2: what Canada has, gains and pays, and what of the change from r = 0 is a smaller payment."""

    def at(share):
        deal = world.of("agreement", share if route else 0.0, capped=capped)[:2]
        got = agreed(world, share, route, reading, capped=capped)
        return deal, got, deal[0] - got

    (deal, got, paid), (_, before, full) = at(share), at(0.0)
    war, change = world.of("war", share, capped=capped)[:2], got - before
    surplus = (deal - war).sum()
    return {
        "payoff": got - world.of("agreement")[0],
        "gain": got - war[0],
        "share": 100 * (got - war[0]) / surplus if surplus > 0 else np.nan,
        "transfer": paid,
        "change": change,
        "from_threat": 100 * (full - paid) / change if abs(change) > 1e-9 else np.nan,
    }


def sold(world, share):
    """Canada's exports of goods to the US and to China under free trade."""
    trade = world.model.solve(world.free, world.cost(share))["flows"][:, CAN, : world.goods].sum(axis=-1)
    return trade[[USA, CHN]]


def capacity(world, part):
    """The capacity at which exports to the US are this part smaller."""
    base = sold(world, 0.0)[0]
    return brentq(lambda r: sold(world, r)[0] / base - 1 + part, 0.0, 9.0, xtol=1e-12) if part else 0.0


def meaning(world, diverted, r):
    """A row of T1-r: the capacity, the exports and the Nash payment."""
    share = capacity(world, r) if diverted else r
    now, base, cells = sold(world, share), sold(world, 0.0), {"capacity": share}
    for k, name in enumerate(("US", "China")):
        cells |= {name: now[k], f"{name}_change": 100 * (now[k] / base[k] - 1)}
    for name, route in (("open", True), ("closed", False)):
        deal = world.of("agreement", share if route else 0.0)[0]
        cells[name] = deal - agreed(world, share, route, "Nash")
    return cells


# The repeated tariff game: T5 and T6

RATES = np.linspace(0.0, 0.48, 25)


def tariff_flows(world, r):
    """Percent of real income of both by the rates of both."""
    cost, flows = world.cost(r), np.empty((len(RATES), len(RATES), 2))
    for k, own in enumerate(RATES):
        for n, other in enumerate(RATES):
            tariff = world.free.copy()
            tariff[CAN, USA, : world.goods] += own
            tariff[USA, CAN, : world.goods] += other
            flows[k, n] = world.money(tariff, cost)[:2]
    return flows / (world.model.income[[CAN, USA]] / 100)


def game_of(world, r):
    """The flows of a share, found once, and exit and war in percent."""
    scale = world.model.income[[CAN, USA]] / 100
    key = "game", r
    if key not in world.known:
        world.known[key] = tariff_flows(world, r)
    return world.known[key], world.of("exit", r)[:2] / scale, world.of("war", r)[:2] / scale, scale


def patience(world, r, said):
    """A row of T5: the discount factor at which a country's best breach is worth what follows it, by punishment.

    Under the harshest punishment what follows depends on the discount factor: it is the least of the payoffs that the
    operator leaves there. So what is said of it is asked for: a little more has to be enough, a little less must not.
    """
    close = 1e-5
    flows, left, war, _ = game_of(world, r)
    kept, breach = flows[0, 0], np.array([flows[:, 0, 0].max(), flows[0, :, 1].max()])
    cells = {}
    for case, after in (("war", war), ("exit", left)):
        found = (breach - kept) / (breach - after)
        cells |= {f"{case}_Canada": found[0], f"{case}_US": found[1]}
    one = [np.ones((len(RATES), len(RATES), 1))]
    for k, name in enumerate(("optimal_Canada", "optimal_US")):
        cells[name] = said[name]
        for patient, enough in ((said[name] - close, False), (said[name] + close, True)):
            (worst,) = (some.min(axis=0) for some in payoff_sets([flows], one, patient, moves=1e-9))
            gain = (1 - patient) * (breach - kept)[k] - patient * (kept - worst)[k]
            cells[name] = cells[name] if (gain <= 0) == enough else np.nan
    return cells


def self_enforcing(world, discount, r):
    """T6: the Nash point of what can be enforced in percent, and the transfer with payments in money."""
    flows, left, _, scale = game_of(world, r)
    one, cells = [np.ones((len(RATES), len(RATES), 1))], {}
    alone_is_worse([flows], left[None])
    for case, border in (("stay", None), ("leave", left[None])):
        (found,) = payoff_sets([flows], one, discount, border)
        cells |= {f"{case}_{who}": x for who, x in zip(("Canada", "US"), nash_point(found), strict=True)}
        money = None if border is None else border * scale
        joint, lowest, _ = with_transfers([flows * scale], one, discount, money)
        half = (joint[0] - lowest[0].sum()) / 2
        cells[f"{case}_transfer"] = flows[0, 0, 0] * scale[0] - lowest[0, 0] - half
    return cells | {f"alone_{who}": cells["stay_transfer"] for who in ("Canada", "US")}


# The pivot game: T10

PIVOT_RATES = (0.0, 0.02, "schedule", "Nash", 0.35)
PATIENT = 0.95


class Levels:
    """What a year is worth by level of capacity and tariffs, at last with a closed market, and what levels cost."""

    def __init__(self, world, *, capped=False, canada=PIVOT_RATES, us=PIVOT_RATES):
        caps = world.caps if capped else np.ones_like(world.caps)
        self.flows, self.exit = [], []
        levels = np.arange(7) * 0.05
        for level in (*levels, 0.0):
            share = np.minimum(level, caps) if capped else level
            world.of("war", share)
            cost = world.cost(share)
            nash = dict(zip((CAN, USA), world.fought[cost.tobytes()], strict=True))
            grid = np.empty((len(canada), len(us), 2))
            for a, own in enumerate(canada):
                for b, other in enumerate(us):
                    tariff = world.free.copy()
                    for who, link, rate in ((CAN, (CAN, USA), own), (USA, (USA, CAN), other)):
                        if rate == "schedule":
                            tariff[link] += world.schedules[who]
                        else:
                            tariff[(*link, slice(0, world.goods))] += nash[who] if rate == "Nash" else rate
                    grid[a, b] = world.money(tariff, cost)[:2]
            self.flows.append(grid)
            self.exit.append(world.of("exit", share)[:2])
        self.flows, self.exit = np.array(self.flows), np.array(self.exit)
        self.nash = canada.index("Nash"), us.index("Nash")
        self.highest = len(us) - 1
        sales = world.exported
        points = [
            100 * (np.minimum(level, caps[: world.goods]) * sales).sum() / sales.sum() for level in levels
        ]
        self.capital = np.diff([capital_of(world, one) for one in points])

    def game(self, *, levels=None, price=1.0, **options):
        """The pivot game with the first levels, by default all, and the capital at `price` times what it is."""
        kept = [*range(len(self.flows) - 1)[:levels], -1]
        capital = price * self.capital[: len(kept) - 2]
        return PlainPivot(self.flows[kept], self.exit[kept], capital, self.highest, nash=self.nash, **options)


def capital_of(world, points):
    """Capital for so many percent of the exports: projects, cheapest first, then as the second expansion costs."""
    sizes = {}
    for name, (_, cost, shares) in projects(world).items():
        redirected = sum(share * world.exports[sector] for sector, share in shares.items())
        size = 100 * redirected / world.exported.sum()
        sizes[name] = cost / size, size
    dearest, paid, left = sizes["second expansion"][0], 0.0, points
    for price, size in sorted(pair for pair in sizes.values() if pair[0] < dearest):
        taken = min(size, left)
        paid, left = paid + price * taken, left - taken
    return paid + dearest * left


def pivots(world):
    """The alternatives of T10 by name."""
    full, capped, china = Levels(world), Levels(world, capped=True), closures(world)
    return {
        "none": full.game(levels=1),
        "lasting": full.game(),
        "lasting, fast": full.game(lead=1.0),
        "revocable": full.game(**china),
        "revocable, fast": full.game(lead=1.0, **china),
        "revocable, blocked": full.game(blocking=0.5, **china),
        "lasting, capped": capped.game(),
        "revocable, capped": capped.game(**china),
    }


def closures(world):
    """The rates at which China closes and reopens."""
    return {"closure": world.facts["china_closure_rate"], "reopening": world.facts["china_reopening_rate"]}


def terms(game, discount):
    """From the first state: terms where neither, or either, may leave, where both build to, and a year of war.

    Terms are what both have if they divide the largest sum so that both gain alike over the least that each has; the
    payment is what of it is not earned on the path of that sum.
    """
    left, cells = game.after_leaving(discount), {}
    alone_is_worse(game.games, left)
    for case, leave in (("stay", None), ("leave", left)):
        joint, lowest, best = with_transfers(game.games, game.chains, discount, leave)
        had = lowest + (joint - lowest.sum(axis=1))[:, None] / 2
        earned, _, _ = follow(game.games, game.chains, discount, best)
        assert np.allclose(earned.sum(axis=1), joint, atol=1e-9)  # nobody leaves on the path
        cells |= {f"{case}_Canada": had[0, 0], f"{case}_US": had[0, 1]}
        cells[f"{case}_transfer"] = earned[0, 0] - had[0, 0]
        if leave is None:
            kept, deal = had, best
    war = game.war(discount)
    values, chain, _ = follow(game.games, game.chains, discount, war)
    later = (values + discount * chain @ (kept - values) - kept)[0]
    cells |= {"right": cells["leave_Canada"] - cells["stay_Canada"]}
    cells |= {f"alone_{who}": cells["stay_transfer"] for who in ("Canada", "US")}
    cells |= {"wait_Canada": later[0], "wait_US": later[1]}
    built = game.levels > 1
    return cells | {
        "war": game.builds_to(war) if built else np.nan,
        "agreed": game.builds_to(deal) if built else np.nan,
    }


def sensitivity(world):
    """T10-sensitivity: by what is changed, a function that gives the game and the one in which nothing can be built."""
    china, plain = closures(world), Levels(world)

    def same(levels=plain, **options):
        return levels.game(**china | options), levels.game(levels=1)

    def other(theta):
        return Levels(type(world)(DATA, day=world.day, theta=theta))

    def milder():
        nash = world.fought[world.cost(0.0).tobytes()][0]
        last = () if abs(nash - 0.10) < 1e-3 else (0.10,)
        return same(Levels(world, canada=(*PIVOT_RATES[:-1], *last)))

    closes, reopens = china["closure"], china["reopening"]
    cp = np.array([float(row["value"]) for row in rows_of(DATA / "elasticities.csv", set="cp")])
    return {
        "nothing": same,
        **{f"China closes at rate {k * closes:g}": lambda k=k: same(closure=k * closes) for k in (0.5, 2.0)},
        **{
            f"China reopens at rate {k * reopens:g}": lambda k=k: same(reopening=k * reopens)
            for k in (0.5, 2.0)
        },
        **{f"a level takes {5 * k:g} years": lambda k=k: same(lead=5 * k) for k in (0.5, 2.0)},
        **{f"escalation blocks {k:.0%}": lambda k=k: same(blocking=k) for k in (0.25, 0.5, 1.0)},
        "half the capital": lambda: same(price=0.5),
        "twice the capital": lambda: same(price=2.0),
        "capacity lasts 25 years a level": lambda: same(wear=1 / 25),
        "running costs 3% of capital": lambda: same(running=0.03),
        "US up to 25%": lambda: same(Levels(world, us=(*PIVOT_RATES[:-1], 0.25))),
        "Canada up to 10%": milder,
        "nothing is built after leaving": lambda: same(frozen=True),
        "elasticities uniform4": lambda: same(other(4.0)),
        "elasticities cp": lambda: same(other(cp)),
    }


def changed(game, bare):
    """A row of T10-sensitivity, from a game and the one in which nothing can be built."""
    found = terms(game, PATIENT)
    same = {name: found[name] for name in ("war", "right", "wait_Canada", "wait_US")}
    paid = {"stay": found["stay_transfer"], "leave": found["leave_transfer"]}
    return same | paid | {"deal": found["agreed"], "bare": terms(bare, PATIENT)["stay_transfer"]}


def by_patience(games, discount):
    """A row of T10-patience."""
    cells = {}
    for name in ("lasting", "revocable", "lasting, capped", "revocable, capped"):
        found = terms(games[name], discount)
        cells |= {f"{name}_war": found["war"], f"{name}_deal": found["agreed"]}
        cells[f"{name}_transfer"] = found["stay_transfer"]
    return cells


# What the US answers: T7-answers


def answers(world, route, hazard, years=5.0, share=0.15):
    """T7-answers by answer: offers follow without pause, so the difference of payoffs is that of never agreeing.

    With V what both have if they never agree, V' = (rate + hazard + e) V - rate x (flows while they talk) - hazard x
    (the war) - e x (what they have once replaced). If the pie is larger than the sum of V they agree, and what it has
    more is halved.
    """
    gone = type(world)(DATA, day=world.day)
    parted = world.facts["us_replaceable"]
    gone.friction[USA, CAN, : gone.goods] = (1 - parted) ** (-1 / gone.theta[: gone.goods])

    def later(one, outcome, t, closed=False):
        """What an outcome is worth from t on as a level flow, before and after the share opens."""
        before, after = one.of(outcome)[:2], one.of(outcome, 0.0 if closed else share)[:2]
        kept = np.exp(-RATE * max(years - t, 0.0))
        return (1 - kept) * before + kept * after

    def talking(one, t):
        return one.of("quo", share if route and t >= years else 0.0)[:2]

    def talks(one, e=0.0, replaced=None):
        """What both have from t on, and what Canada pays, as a function of t."""
        whole = RATE + hazard + e

        def earned(t):
            more = e * replaced(t)[0] if e else 0.0
            return RATE * talking(one, t) + hazard * later(one, "war", t) + more

        end = earned(years) / whole
        found = solve_ivp(
            lambda t, v: whole * v - earned(min(t, years - 1e-12)),
            (years, 0.0),
            end,
            rtol=1e-11,
            atol=1e-11,
            dense_output=True,
        )

        def at(t):
            never = end if t >= years else found.sol(t)
            agreed = later(one, "agreement", t, closed=not route)
            if agreed.sum() < never.sum():
                return never, np.nan
            had = never + (agreed - never).sum() / 2
            return had, agreed[0] - had[0]

        assert len({bool(np.isnan(at(t)[1])) for t in np.linspace(0, years, 6)}) == 1  # at once, or never
        return at

    rushed, replaced = talks(world), talks(gone)
    kept = np.exp(-RATE * years)
    then, paid = rushed(years)
    found = {
        "rush": rushed(0.0),
        f"wait {years:g} years": ((1 - kept) * talking(world, 0.0) + kept * then, paid),
        "replace while talking": talks(world, world.facts["us_replacement_rate"], replaced)(0.0),
        "replace first": replaced(0.0),
    }
    return {name: {"transfer": paid, "canada": had[0], "us": had[1]} for name, (had, paid) in found.items()}


# Holding out: T8-delay

OBSTINATE, MOST = 0.05, 0.95


def held_out(world, r, route, insists):
    """T8-delay: a war of attrition in which either may be unable to give way, and Canada may walk out."""
    share = r if route else 0.0
    deal, war = world.of("agreement", share)[:2], world.of("war", r)[:2]
    talks = world.of("quo", share)[:2]
    S = (deal - talks).sum()
    terms_here, before = nash(deal, war), nash(world.of("agreement")[:2], world.of("war")[:2])
    a = np.array(
        [min((deal - talks)[0] - terms_here, MOST * S) / S, insists or ((deal - talks)[1] + before) / S]
    )
    option = max((war - talks)[0] / S, 0.0)
    cells = {"canada": a[0], "us": a[1]}
    z = OBSTINATE
    if option > 1 - a[1]:  # a US that can gives way at once, and if it does not Canada walks out
        parts = np.array([(1 - z) * a[0] + z * option, 1 - a[0]])
        lost = z * ((1 - z) * (1 - option - (war - talks)[1] / S) + z)
        delay = 0.0
    else:
        speed = RATE * (1 - a) / (a.sum() - 1)
        end = (-np.log(z) / speed).min()
        now = 1 - z * np.exp(speed * end)
        parts = now[::-1] * a + (1 - now[::-1]) * (1 - a[::-1])
        both = (1 - now).prod()  # nobody gives way at once; then one of them does at the rate of the sum
        left = np.exp(-speed.sum() * end)
        delay = (
            both * quad(lambda t: speed.sum() * t * np.exp(-speed.sum() * t), 0, end)[0] / (1 - both * left)
        )
        early = quad(lambda t: speed.sum() * np.exp(-(RATE + speed.sum()) * t), 0, end)[0]
        lost = 1 - (1 - both) - both * early
    payoffs = talks + S * parts
    cells |= {"payoff_Canada": payoffs[0], "payoff_US": payoffs[1], "delay": delay, "cost": S * lost}
    return cells | {"out": bool(option > 1 - a[1])}


def jump(world, route, insists):
    """The smallest r at which Canada has more by the war than by giving way; NaN at none up to 1."""
    before = nash(world.of("agreement")[:2], world.of("war")[:2])

    def margin(r):
        share = r if route else 0.0
        deal, talks = world.of("agreement", share)[:2], world.of("quo", share)[:2]
        left = deal[0] - before if insists is None else talks[0] + (1 - insists) * (deal - talks).sum()
        return world.of("war", r)[0] - left

    grid = np.arange(0.0, 1.0 + 1e-9, 0.05)
    held = [margin(r) >= 0 for r in grid]
    if not any(held):
        return np.nan
    k = held.index(True)
    return 0.0 if not k else brentq(margin, grid[k - 1], grid[k], xtol=1e-7)


# The draws: T0


def without(world, disagreement, share):
    """Money of Canada and the US if they do not agree, in the words of the draws."""
    if disagreement in ("tariff war", "goods border closed"):
        return world.of("war" if disagreement == "tariff war" else "exit", share)[:2]
    if not disagreement.startswith("best"):
        return world.of("quo", share)[:2]
    cost = world.cost(share)

    def at(rate, answer):
        tariff = world.free.copy()
        tariff[USA, CAN, : world.goods] += rate
        tariff[CAN, USA, : world.goods] += answer
        return world.money(tariff, cost)[:2]

    key = "best", np.array(share).tobytes()
    if key not in world.known:
        world.known[key] = minimize_scalar(
            lambda rate: -at(rate, 0.0)[1], bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-9}
        ).x
    best = world.known[key]
    return at(best, best if "kind" in disagreement else 0.0)


def drawn_payment(world, disagreement, route, share):
    """What Canada pays in a world: both gain alike over what there is without an agreement."""
    threat, deal = without(world, disagreement, share), world.of("agreement", share if route else 0.0)[:2]
    return nash(deal, threat) if (deal - threat).sum() > 0 else np.nan


def share_of(world, name, january, highest=0.15):
    """A share by its name in the draws: the arrangement of January, or farm goods alone, or all others."""
    if name in ("farm", "other"):
        first = [row["sector"] for row in rows_of(DATA / "sectors.csv")][: world.goods]
        farm = np.array([sector in ("AGR", "FOOD") for sector in first])
        farm = farm if len(world.caps) > 5 else np.arange(world.goods) == 0  # food is manufacturing in ICIO
        used = np.zeros_like(world.caps)
        used[: world.goods] = farm if name == "farm" else ~farm
        return highest * used
    return january if name == "r" else float(name)


# Leverage by notion: T13


def pure_value(advantage):
    """The value of a zero-sum game of the column player with a saddle point in pure actions."""
    value = advantage.max(axis=1).min()
    assert abs(value - advantage.min(axis=0).max()) < 1e-9
    return value


def leverage_terms(world, r, contingent, discount=0.9):
    """What the US can ask, in the order of the table."""
    peace = world.of("agreement", 0.0 if contingent else r)
    (loss_of_canada, loss_of_us, _) = peace - world.of("exit", r)
    offers = loss_of_canada - (loss_of_canada + loss_of_us) * discount / (1 + discount)
    terms = [
        loss_of_canada,
        discount * loss_of_canada,
        loss_of_us * (1 / discount - 1),
        (loss_of_canada - loss_of_us) / 2,
        nash(peace, world.of("war", r)),
        offers,
        0.0,
    ]
    if contingent:
        return [*terms, None, None, None]

    def state(links):
        cost = world.cost(r)
        for importer, exporter in links:
            cost[importer, exporter, : world.goods] = np.inf
        return world.money(world.free, cost)

    us, china = (state([(CAN, k), (k, CAN)]) for k in (CHN, USA))  # trade with the one named alone
    bids = us[1] - china[1], china[2] - us[2]
    bought, sold = [(CAN, USA)], [(USA, CAN)]
    sets = [[], bought, sold, bought + sold]
    lost = [[peace - state({*mine, *yours}) for yours in sets] for mine in sets]
    value = pure_value(np.array([[cell[0] - cell[1] for cell in row] for row in lost]))
    turned = peace[0] - min(us[0] + bids[0], china[0] + bids[1])
    return [*terms, min(offers, turned), us[0] - china[0] - bids[1], value / 2]
