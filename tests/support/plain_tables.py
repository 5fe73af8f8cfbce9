"""Tables of thresholds, timing, claims, projects and the triangle as plain programs, from the equations on the pages.

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
from scipy.linalg import expm
from scipy.optimize import brentq, linprog

import bargaining_models
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


DISTRIBUTIONS = {
    "gamma": lambda v: stats.gamma(v[0], scale=1 / v[1]),
    "beta": lambda v: stats.beta(*v),
    "triangular": lambda v: stats.triang((v[1] - v[0]) / (v[2] - v[0]), loc=v[0], scale=v[2] - v[0]),
    "uniform": lambda v: stats.uniform(v[0], v[1] - v[0]),
    "lognormal": lambda v: stats.lognorm(v[1], scale=np.exp(v[0])),
}


def draw_by_hand(folder, number, structure):
    """What draw `number` gives every input: elasticities by sector, and the priors of `priors.csv`, by quantiles."""

    def uniform(name, size=1):
        return np.random.default_rng([0, number, crc32(name.encode())]).random(size)

    rows = rows_of(folder / "elasticity_priors.csv", structure=structure)
    if structure == "icio2019":
        rows = [next(r for r in rows if r["sector"] == section[0]) for section in SECTIONS]
    normal = stats.norm.ppf(uniform("elasticities", 1 + len(rows)))
    value, spread = (np.array([float(row[key]) for row in rows]) for key in ("value", "spread"))
    found = {"elasticities": value * np.exp(spread * (np.sqrt(0.2) * normal[0] + np.sqrt(0.8) * normal[1:]))}
    for row in rows_of(folder / "priors.csv"):
        if row["distribution"] in DISTRIBUTIONS:
            v = [float(row[f"parameter_{k}"]) for k in (1, 2, 3) if row[f"parameter_{k}"]]
            of = DISTRIBUTIONS[row["distribution"]](v)
            found[row["input"]] = float(of.ppf(uniform(row["input"])[0]))
    return found


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

    def __init__(self, folder, *, day=None, theta=5.0, icio=False, given=()):
        given = dict(given)
        self.facts = {row["name"]: float(row["value"]) for row in rows_of(folder / "facts.csv")}
        for name in self.facts:
            self.facts[name] = given.get(name, self.facts[name])
            for ending, factor in (
                ("_cost", "capacity_cost_factor"),
                ("_lead_time", "capacity_lead_time_factor"),
            ):
                if name.endswith(ending) and name != "canola_access_cost":
                    self.facts[name] *= given.get(factor, 1.0)
        model = PlainTrade(folder, 5.0)
        flows = column(folder, "trade_flows.csv", ["exporter", "sector", "importer"]).transpose(2, 0, 1)
        names = [row["sector"] for row in rows_of(folder / "sectors.csv")]
        regions = [row["region"] for row in rows_of(folder / "regions.csv")]
        base, standing = model.tariff, model.tariff.copy()
        rows = rows_of(folder / "tariff_schedules.csv")
        rows = [row for row in rows if row["schedule"] in ("us_2025_26", "canada_2025_26")]
        if day is not None:
            rows = rows_of(folder / "tariffs" / "wiod2011_adjusted.csv", date=day)
        for row in rows:
            link = regions.index(row["importer"]), regions.index(row["exporter"])
            of = slice(0, GOODS) if row["sector"] == "goods" else names.index(row["sector"])
            standing[*link, of] = float(row["value"]) / 100
        caps = [
            given.get(f"redirect_cap_{row['sector']}", float(row["value"]))
            for row in rows_of(folder / "redirect_caps.csv")
        ]
        self.exports = {name: flows[USA, CAN, names.index(name)] for name in ("MIN", "FOOD")}
        self.place, caps = {"MIN": 1, "FOOD": 2}, np.array(caps)
        goods = GOODS
        if icio:
            goods, caps = 3, merged(caps, flows[USA, CAN])
            self.exports["FOOD"] = flows[USA, CAN, list(MERGED[2])].sum()
            base, standing = merged(base, flows), merged(standing, flows)
            flows = np.stack([flows[..., list(some)].sum(-1) for some in MERGED], axis=-1)
            model = PlainTrade.of(flows, inputs_of_icio(folder), base, theta)
        else:
            model = PlainTrade(folder, theta)
        self.model, self.goods, self.caps, self.standing = model, goods, caps, standing
        self.theta = np.broadcast_to(theta, caps.shape)
        self.free = standing.copy()
        self.free[USA, CAN], self.free[CAN, USA] = base[USA, CAN], base[CAN, USA]
        self.known, self.rates, self.inverse = {}, np.array([0.1, 0.12]), None

    def cost(self, r, capped=False):
        """Trade costs, of the route to China alone: r of exports to the US by sector, at fixed prices."""
        share, cost = np.broadcast_to(r, self.caps.shape)[: self.goods], np.ones_like(self.free)
        share = np.minimum(share, self.caps[: self.goods]) if capped else share
        sold = self.model.trade[:, CAN, : self.goods]
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

        rates, here = self.rates, slopes(self.rates)
        if self.inverse is None:
            moved = [(slopes(rates + 1e-4 * one) - here) / 1e-4 for one in np.eye(2)]
            self.inverse = np.linalg.inv(np.transpose(moved))
        for _ in range(30):  # Broyden's method, from what was learned at the last war
            step = -self.inverse @ here
            rates = rates + step
            before, here = here, slopes(rates)
            turned = self.inverse @ (here - before)
            self.inverse += np.outer(step - turned, step @ self.inverse) / (step @ turned)
            if np.abs(here).max() < SETTLED:
                self.rates = rates
                return at(rates)
        raise AssertionError("the tariff war was not found")


def nash(agreement, threat):
    """What home pays so that both gain alike by the agreement."""
    return ((agreement - threat)[0] - (agreement - threat)[1]) / 2


# Thresholds: T3


def margins(world, r, capped):
    """Canada's or the US's margin in each question, in the order of the table; NaN where there is no agreement."""
    a, w, e, q = (world.of(name, r, capped=capped) for name in ("agreement", "war", "exit", "quo"))
    shut, idle = world.of("agreement"), world.of("quo")

    def offered(agreement, talks):
        """What Canada has by offers that nobody may walk out of: its talks and half of what is gained over them."""
        gain = (agreement - talks)[:2].sum() / 2
        return talks[0] + gain if gain > 0 else np.nan

    def divided(agreement):
        return nash(agreement, w) if (agreement - w)[:2].sum() > 0 else np.nan

    return np.array(
        [
            a[1] - w[1],
            e[0] - w[0],
            w[0] - offered(a, q),
            w[0] - offered(shut, idle),
            e[0] - (a[0] - divided(a)),
            -divided(a),
            -divided(shut),
        ]
    )


def thresholds(world, capped, step=0.05):
    """The smallest share at which each margin stops being negative; None if at none."""
    grid = np.arange(0.0, 1.0 + step / 2, step)
    values = np.array([margins(world, r, capped) for r in grid])
    found = []
    for k in range(7):
        holds = np.flatnonzero(values[:, k] >= 0)
        if not len(holds):
            found.append(None)
        elif holds[0] == 0:
            found.append(0.0)
        else:
            ends = grid[holds[0] - 1], grid[holds[0]]
            found.append(brentq(lambda r, k=k: margins(world, r, capped)[k], *ends, xtol=1e-6))
    return found


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
    if pie < alone.sum():
        return alone, False
    got = alone + (pie - alone.sum()) / 2
    if walk and got[0] < war[0]:
        got = np.array([war[0], pie - war[0]])
    elif walk and got[1] < war[1]:
        got = np.array([pie - war[1], war[1]])
    return got, True


def along(path, during, *, hazard=0.0, walk=False):
    """Payoffs of talks that begin at 0 and at the last date, and when they agree; offers follow without pause."""
    agreed, war = path.annuity("agreement"), path.annuity("war")
    last = path.at(during, len(path.dates) - 1, np.array([path.dates[-1]]))[0]
    never = (RATE * last + hazard * war[-1]) / (RATE + hazard)
    got, now = settle(agreed[-1].sum(), never, war[-1], walk)
    end, when = got, path.dates[-1] if now else np.inf
    for k, (start, stop) in reversed(list(enumerate(path.stretches()))):
        h = (stop - start) / STEPS
        moments = start + h / 2 * np.arange(2 * STEPS + 1)
        flow = RATE * path.at(during, k, moments) + hazard * war[k]
        for n in reversed(range(STEPS)):
            left = np.exp(-(RATE + hazard) * h / 2 * np.arange(3))
            here = (
                h / 6 * (flow[2 * n] + 4 * left[1] * flow[2 * n + 1] + left[2] * flow[2 * n + 2])
            )  # Simpson
            got, now = settle(agreed[k][2 * n].sum(), here + left[2] * got, war[k][2 * n], walk)
            when = start + n * h if now else when
    return got, end, when


def path_cells(path, reading, use, idle):
    """Today, once open, what waiting brings Canada and the US, and when they agree: a row of T7."""
    talks = use if reading == "Offers, inside option" else idle
    years, hazard = path.dates[-1], float(reading.split()[2]) if "breakdown" in reading else 0.0
    (first, last), (begin, done) = path.ends("agreement"), path.ends(talks)
    if reading == "Nash":
        got, end = (w + (a - w).sum() / 2 for a, w in zip((first, last), path.ends("war"), strict=True))
        when = 0.0
    else:
        got, end, when = along(path, talks, hazard=hazard, walk="war" in reading)
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
    """Transfers agreed before it opens and once it is open; offers every month, each side making half of them."""
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
        return [nash(a, w) for a, w in zip(agreed, war, strict=True)][:2]
    hazard = float(reading.split()[2]) if "breakdown" in reading else 0.0
    talks = at["quo"] if route or reading == "Offers, inside option" else at["idle"]
    process = np.block([[moves - hazard * np.eye(3), hazard * np.eye(3)], [np.zeros((3, 3)), moves]])
    never = worth(process, np.concatenate([talks, at["war"]]))
    month = np.exp(-RATE / 12) * expm(process / 12)
    kept = (
        never - month @ never
    )  # what a month of talks is worth by itself, the war after a breakdown included
    value = never.copy()
    for _ in range(20_000):
        waits = (kept + month @ value)[:3]
        least = np.maximum(waits, war) if "war" in reading else waits
        fresh = never.copy()
        for s in range(3):
            made = []
            for maker in (0, 1):
                offer = agreed[s].sum() - least[s, 1 - maker]
                both = np.empty(2)
                both[1 - maker] = least[s, 1 - maker]
                both[maker] = offer
                made.append(both if offer >= waits[s, maker] else waits[s])
            fresh[s] = np.mean(made, axis=0)
        moved, value = np.abs(fresh - value).max(), fresh
        if moved < 1e-13:
            break
    return [agreed[s, 0] - value[s, 0] for s in (0, 1)]


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
    left = [
        (one[0] + one[p] + none[0] - none[p]) / 2 for one, p in ((c, 2), (u, 1))
    ]  # Canada's without partner 1, 2
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
        ruled = name == "US first, China ruled out"
        paid = (payoffs - m[True, not ruled])[1:]
        found[name] = {
            "US": paid[0],
            "China": paid[1],
            **dict(zip(("CAN", "USA", "CHN"), payoffs, strict=True)),
            "part": 100 * paid[1] / (open_ - shut)[0] if r else None,
            "clause": m[True, False][:2].sum() - payoffs[:2].sum(),
        }
    return found
