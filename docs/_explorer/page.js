(() => {  // the charting library has names of its own
"use strict";
const root = document.documentElement, at = id => document.getElementById(id);
root.dataset.errors = "0";
for (const event of ["error", "unhandledrejection"]) window.addEventListener(event, () => { root.dataset.errors = "1"; });
const figures = JSON.parse(at("figures").textContent);
at("version").textContent = figures.version;

const number = (value, digits = 3) => value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "\u2212");
const python = value => JSON.stringify(value).replaceAll("null", "None").replaceAll(",", ", ");
const point = x => `(${number(x[0])}, ${number(x[1])})`;

/* Controls: [id, words, kind, ...]. A pair has one control for each player. */
const NAMES = {};  // of the countries
for (const [key, pair] of Object.entries(figures.pairs)) NAMES[key.slice(0, 3)] = pair.names[0];
const COUNTRIES = Object.entries(NAMES), GAMES = Object.keys(figures.games).map(name => [name, name]);
const corner = (k, x, y) => ["pair", `p${k}`, `Corner ${k}`, "number", 0, 10, 0.1, [x, y]];
const CONTROLS = {
  solutions: [
    ["range", "n", "Corners", 1, 6, 1, 4],
    ["pair", "d", "d, without an agreement", "number", 0, 10, 0.1, [1, 1]],
    corner(1, 0.5, 6), corner(2, 5, 5), corner(3, 9, 2), corner(4, 9.5, 0.5), corner(5, 3, 8), corner(6, 7, 7),
    ["select", "lines", "Construction lines", [["all", "of all solutions"], ["none", "none"], ["nash", "Nash"],
      ["kalai_smorodinsky", "Kalai-Smorodinsky"], ["egalitarian", "Egalitarian"], ["utilitarian", "Utilitarian"],
      ["equal_loss", "Equal loss"]], "all"],
  ],
  offers: [
    ["pair", "discount", "Patience: the discount factor", "range", 0, 0.99, 0.01, [0.9, 0.9]],
    ["select", "proposer", "Who offers first", [["0", "player 1"], ["1", "player 2"]], "1"],
    ["pair", "outside", "Outside option: by leaving", "range", 0, 1, 0.01, [0.3, 0.1]],
    ["pair", "inside", "Inside option: while they talk", "range", 0, 1, 0.01, [0.1, 0]],
    ["range", "p", "Chance that talks break down after a refusal", 0, 1, 0.01, 0.05],
    ["pair", "breakdown", "After a breakdown", "range", 0, 1, 0.01, [0.2, 0.1]],
  ],
  patience: [
    ["select", "game", "Game", GAMES, GAMES[2][0]],
    ["range", "discount-of-both", "Patience: the discount factor of both", 0, figures.discounts.length - 1, 1, 10],
    ["select", "exit", "The right to leave", [["none", "nobody may leave"], ["both", "either may leave for good"]], "both"],
    ["pair", "option", "What each gets a period after anybody left", "range", 0, 5, 1, [5, 2]],
  ],
  pair: [
    ["select", "home", "Home", COUNTRIES, "MEX"],
    ["select", "partner", "Partner", COUNTRIES, "USA"],
    ["range", "r", "Share r that home can redirect to China", 0, figures.shares.length - 1, 1, 3],
    ["select", "reading", "Without a deal", [["nash", "a tariff war follows, for good"],
      ["inside", "talks go on, with today's tariffs"], ["breakdown", "talks may break down into war"],
      ["war", "either may walk out into war"], ["exit", "either may close the border"]], "nash"],
    ["select", "route", "An agreement", [["open", "leaves the China route open"], ["closed", "closes the China route"]], "open"],
    ["range", "w", "Home's bargaining weight", 0.05, 0.95, 0.01, 0.5],
    ["pair", "rate", "Discount rate, a year", "range", 0.01, 0.2, 0.01, [0.05, 0.05]],
    ["range", "speed", "Rate of breakdown, a year", 0.05, 1, 0.05, 0.5],
  ],
  power: [
    ["select", "hegemon", "Who threatens", COUNTRIES, "USA"],
    ["select", "target", "Whom", COUNTRIES, "CAN"],
    ["range", "redirect", "Share r that the target can redirect to China", 0, figures.shares.length - 1, 1, 3],
    ["select", "use", "The route to China", [["reserve", "is kept for the end of trade"], ["cut", "is in use today too"]], "reserve"],
    ["range", "patience-of-both", "Patience: the discount factor a year", 0.5, 0.99, 0.01, 0.9],
    ["range", "lag", "Years from a refusal to the end of trade", 0, 5, 1, 1],
    ["select", "length", "Trade ends for", [["1", "a year"], ["2", "two years"], ["4", "four years"], ["8", "eight years"]], "1"],
  ],
};
const ids = ([kind, id]) => kind === "pair" ? [`${id}-1`, `${id}-2`] : [id];
const FIELDS = Object.fromEntries(Object.entries(CONTROLS).map(([tab, all]) => [tab, all.flatMap(ids)]));

function node(kind, attributes, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
function slider(id, words, kind, min, max, step, value, name = words) {
  const input = node("input", { id, type: kind, min, max, step, value, "aria-label": name });
  const output = kind === "range" ? [node("output", { for: id })] : [];
  return node("label", {}, words, ...output, input);
}
function control([kind, id, words, ...rest]) {
  if (kind === "range") return slider(id, words, kind, ...rest);
  if (kind === "select") {
    const select = node("select", { id, "aria-label": words }, ...rest[0].map(([value, text]) => new Option(text, value)));
    select.value = rest[1];
    return node("label", {}, words, select);
  }
  const [input, min, max, step, values] = rest;
  const sides = values.map((value, i) =>
    slider(`${id}-${i + 1}`, `player ${i + 1}`, input, min, max, step, value, `${words}, player ${i + 1}`));
  return node("fieldset", { class: "pair", id: `${id}-pair` }, node("legend", {}, words), ...sides);
}
for (const [tab, all] of Object.entries(CONTROLS)) document.querySelector(`#${tab} form`).append(...all.map(control));

/* What the controls say: a number or word by name, a pair as two numbers. */
function value(id) {
  const field = at(id);
  if (field.tagName === "SELECT") return field.value;
  const wish = field.value === "" ? Number(field.min) : Number(field.value);
  return Math.min(Math.max(wish, Number(field.min)), Number(field.max));
}
const settings = tab => Object.fromEntries(CONTROLS[tab].map(one => [one[1], one[0] === "pair" ? ids(one).map(value) : value(one[1])]));
const put = (id, number, digits) => { at(id).value = Math.min(Math.max(number, at(id).min), at(id).max).toFixed(digits); };
function tell(id, words) {
  document.querySelector(`output[for="${id}"]`).textContent = words;
  at(id).setAttribute("aria-valuetext", words);
}
/* A kind in words, after the mark that stands for it: `look` is the number of its colour and its shape. */
const GLYPHS = { circle: "\u25cf", square: "\u25a0", diamond: "\u25c6", "triangle-up": "\u25b2", "triangle-down": "\u25bc", cross: "\u271a",
  stroke: "\u2501" };
const shade = k => `var(--k${k})`;
const key = (words, look) =>
  [node("span", { class: "key", "aria-hidden": "true", style: `color: ${shade(look[0])}` }, GLYPHS[look[1]]), ` ${words}`];
function table(id, head, rows) {
  const line = (kind, cells) => node("tr", {}, ...cells.map(cell => {
    const made = node(kind, kind === "th" ? { scope: "col" } : {});
    made.append(...(Array.isArray(cell) ? key(...cell) : [cell]));
    return made;
  }));
  at(id).replaceChildren(node("thead", {}, line("th", head)), node("tbody", {}, ...rows.map(row => line("td", row))));
}

/* Charts: areas, lines and points, each of some kind, and rings to drag. */
function specification({ x, y, kinds, domain, square }, container, data) {
  const width = container.clientWidth, height = square ? Math.min(Math.max(width, 288), 460) : 340;
  const names = Object.keys(kinds), scale = domain ? { domain, nice: false } : { zero: false };
  const position = {
    x: { field: "x", type: "quantitative", title: x, scale }, y: { field: "y", type: "quantitative", title: y, scale },
  };
  const colour = { field: "kind", type: "nominal", scale: { domain: names, range: names.map(name => shade(kinds[name][0])) }, legend: null };
  const shape = { field: "kind", type: "nominal", scale: { domain: names, range: names.map(name => kinds[name][1]) }, legend: null };
  const path = { order: { field: "order" }, detail: { field: "id" } };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json", width, height, autosize: { type: "fit", contains: "padding" },
    datasets: data, encoding: position, padding: 6, config: {
      background: null, font: "system-ui, sans-serif", view: { stroke: null },
      axis: { labelColor: "var(--ink)", titleColor: "var(--ink)", gridColor: "var(--line)", domainColor: "var(--line)",
        tickColor: "var(--line)", labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelOverlap: true, labelFlush: false, tickCount: 8 },
    },
    layer: [
      { data: { name: "areas" }, mark: { type: "line", filled: true, opacity: 0.18, clip: true },
        encoding: { ...path, color: colour } },
      { data: { name: "lines" }, mark: { type: "line", clip: true }, encoding: { ...path, color: colour,
        strokeWidth: { condition: { test: "datum.bold", value: 3 }, value: 1.4 },
        strokeDash: { condition: { test: "datum.dash", value: [5, 4] }, value: [1, 0] } } },
      { data: { name: "points" }, mark: { type: "point", size: 110, strokeWidth: 2.5, clip: true }, encoding: { color: colour, shape,
        tooltip: [{ field: "kind", title: "what" }, { field: "x", format: ".4f" }, { field: "y", format: ".4f" }] } },
      { data: { name: "handles" }, name: "handle", mark: { type: "point", filled: true, size: 900, fill: "transparent",
        opacity: 1, cursor: "grab" }, encoding: {} },
      { data: { name: "handles" }, mark: { type: "point", size: 260, stroke: "var(--ink)", strokeWidth: 2, opacity: 1 }, encoding: {} },
      { data: { name: "handles" }, mark: { type: "text", dx: 14, dy: -12, fontSize: 13, fill: "var(--ink)" },
        encoding: { text: { field: "label" } } },
    ],
  };
}
function follow(view, container) {
  view.addEventListener("pointerdown", (event, item) => {
    const name = item && item.datum && item.datum.handle;
    if (!name) return;
    event.preventDefault();
    const box = container.querySelector("svg").getBoundingClientRect(), [left, top] = view.origin(), edge = view.padding();
    const move = to => {
      moved(name, view.scale("x").invert(to.clientX - box.left - left - edge.left),
        view.scale("y").invert(to.clientY - box.top - top - edge.top));
      show();
    };
    const done = () => {
      window.removeEventListener("pointermove", move);
      for (const end of ["pointerup", "pointercancel"]) window.removeEventListener(end, done);
    };
    window.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, done);
  });
  view.addEventListener("touchstart", (event, item) => { if (item && item.datum && item.datum.handle) event.preventDefault(); });
}
/* Charts are drawn anew when their axes or the window change; otherwise they are only given other data. */
let views = {}, drawn = "", busy = false;
const form = shown => JSON.stringify([tab, innerWidth, Object.values(shown.charts).map(({ kinds, x, y }) => [kinds, x, y])]);
async function draw() {
  if (busy) return;
  busy = true;
  root.dataset.drawn = "0";
  for (let shown = now(); form(shown) !== drawn; shown = now()) {
    drawn = form(shown);
    for (const view of Object.values(views)) view.finalize();
    views = {};
    for (const [id, chart] of Object.entries(shown.charts)) {
      const spec = specification(chart, at(id), chart.data);
      views[id] = (await vegaEmbed(at(id), spec, { actions: false, renderer: "svg" })).view;
      follow(views[id], at(id));
      at(id).nextElementSibling.replaceChildren(...Object.entries(chart.kinds).map(([words, look]) => node("span", {}, ...key(words, look))));
    }
  }
  feed(now());
  busy = false;
  root.dataset.drawn = "1";
}
function feed(shown) {
  for (const [id, chart] of Object.entries(shown.charts)) {
    for (const [name, rows] of Object.entries(chart.data)) views[id].data(name, rows);
    views[id].run();
  }
}
/* A ring is named after the pair it moves; with "x" after it, after player 1's alone. */
function moved(handle, x, y) {
  const alone = handle.endsWith(" x"), name = handle.replace(" x", "");
  const digits = at(`${name}-1`).step === "0.1" ? 1 : 2;
  put(`${name}-1`, x, digits);
  if (!alone) put(`${name}-2`, y, digits);
}
const path = (id, kind, points, more = {}) => points.map(([x, y], order) => ({ x, y, order, id, kind, ...more }));
const closed = points => [...points, points[0]];
const mark = (kind, x) => ({ kind, x: x[0], y: x[1] });
const ring = (handle, label, x) => ({ handle, label, x: x[0], y: x[1] });

/* One function for each tab: what its charts show, and its Python. */
const SOLUTIONS = {
  nash: ["Nash", 1, "circle"], kalai_smorodinsky: ["Kalai-Smorodinsky", 2, "square"], egalitarian: ["Egalitarian", 3, "diamond"],
  utilitarian: ["Utilitarian", 4, "triangle-up"], equal_loss: ["Equal loss", 5, "cross"],
};
function construction(found, d) {
  const { nash, utilitarian, ideal } = found, product = (nash[0] - d[0]) * (nash[1] - d[1]);
  const along = (from, to) => [from, to], sum = utilitarian[0] + utilitarian[1];
  return {
    nash: Array.from({ length: 60 }, (_, k) => d[0] + product / (10 - d[1]) * (((10 - d[0]) * (10 - d[1]) / product) ** (k / 59)))
      .map(x => [x, d[1] + product / (x - d[0])]),
    kalai_smorodinsky: along(d, ideal),
    egalitarian: along(d, found.egalitarian),
    utilitarian: along([Math.max(0, sum - 10), Math.min(10, sum)], [Math.min(10, sum), Math.max(0, sum - 10)]),
    equal_loss: along(ideal, found.equal_loss),
  };
}
function solutions(s) {
  const points = Array.from({ length: s.n }, (_, k) => s[`p${k + 1}`]), { d } = s, found = theory.solutions(points, d);
  for (let k = 1; k <= 6; k++) at(`p${k}-pair`).hidden = k > s.n;
  tell("n", String(s.n));
  const corners = theory.frontier(points), kinds = Object.fromEntries(Object.values(SOLUTIONS).map(([name, ...look]) => [name, look]));
  const data = { lines: [], points: [], areas: [], handles: [...points.map((x, k) => ring(`p${k + 1}`, String(k + 1), x)), ring("d", "d", d)] };
  data.areas = path("set", "Feasible", [[0, 0], [0, corners[0][1]], ...corners, [corners.at(-1)[0], 0]]);
  data.lines = path("frontier", "Feasible", [[0, corners[0][1]], ...corners, [corners.at(-1)[0], 0]]);
  if (found) {
    const lines = construction(found, d), { ideal } = found, gain = x => [x[0] - d[0], x[1] - d[1]];
    data.lines.push(...path("rational", "Feasible", found.chain, { bold: true }));
    for (const [name, [words]] of Object.entries(SOLUTIONS)) {
      data.points.push(mark(words, found[name]));
      if (["all", name].includes(s.lines)) data.lines.push(...path(name, words, lines[name], { dash: true }));
    }
    data.points.push(mark("Ideal point a", ideal));
    const [gn, ge] = [gain(found.nash), gain(found.egalitarian)], ga = gain(ideal), u = found.utilitarian;
    const why = {
      nash: `largest product of gains, ${number(gn[0] * gn[1])}`, kalai_smorodinsky: `gains as ${number(ga[0])} to ${number(ga[1])}`,
      egalitarian: `each gains ${number(ge[0])}`, utilitarian: `largest sum, ${number(u[0] + u[1])}`,
      equal_loss: `each gives up ${number(ideal[0] - found.equal_loss[0])} of a`,
    };
    table("solutions-table", ["", "Player 1", "Player 2", "Why"], Object.entries(SOLUTIONS).map(([name, [words, ...look]]) =>
      [[words, look], ...found[name].map(x => number(x)), why[name]]));
    at("solutions-said").textContent = `The ideal point a is ${point(ideal)}.` +
      (gain(u).some(x => x < 0) ? " The utilitarian solution does not look at d: somebody gets less than that." : "");
  } else {
    table("solutions-table", [], []);
    at("solutions-said").textContent = "No agreement gives both more than d.";
  }
  kinds["Ideal point a"] = [6, "triangle-down"];
  kinds.Feasible = [6, "stroke"];
  return {
    charts: { plane: { x: "Player 1", y: "Player 2", kinds, domain: [0, 10], square: true, data,
      words: found ? Object.entries(SOLUTIONS).map(([name, [words]]) => `${words} ${point(found[name])}`).join("; ") : "No agreement" } },
    code: ["from bargaining import Polytope, Problem, egalitarian, equal_loss, kalai_smorodinsky, nash, utilitarian", "",
      `corners = ${python(points)}`, `problem = Problem(Polytope(corners, free_disposal=True), ${python(d)})`,
      `for solution in (${Object.keys(SOLUTIONS).join(", ")}):`, "    print(solution(problem).payoffs.round(3))"],
  };
}

function offers(s) {
  const alone = (kind, x) => theory.offers({ discounts: s.discount, inside: s.inside, outside: s.outside, breakdown: s.p,
    breakdownPayoffs: s.breakdown, ...(kind ? { [kind]: [x, s[kind === "breakdownPayoffs" ? "breakdown" : kind][1]] } : {}) });
  for (const name of ["discount", "outside", "inside", "breakdown"]) for (const i of [0, 1]) tell(`${name}-${i + 1}`, s[name][i].toFixed(2));
  tell("p", s.p.toFixed(2));
  const first = Number(s.proposer), both = alone();
  const roles = { "Outside option": ["outside", "outside", 2, "square"], "Inside option": ["inside", "inside", 3, "diamond"],
    "After a breakdown": ["breakdownPayoffs", "breakdown", 4, "triangle-up"] };
  const kinds = { "Player 1 offers": [1, "circle"], "Player 2 offers": [5, "circle"], Feasible: [6, "stroke"] }, kindsOf = {};
  for (const [words, [, , ...look]] of Object.entries(roles)) kinds[words] = kindsOf[words] = look;
  const pie = { areas: path("pie", "Feasible", [[0, 1], [1, 0], [0, 0]]), lines: path("pie", "Feasible", [[0, 1], [1, 0]]),
    points: [], handles: [] };
  const worth = { areas: [], lines: [], points: [], handles: [] };
  for (const [words, [kind, name]] of Object.entries(roles)) {
    const x = s[name];
    pie.points.push(mark(words, x));
    pie.handles.push(ring(name, name[0], x));
    pie.lines.push(...path(words, words, [[x[0], 0], x, [0, x[1]]], { dash: true }));
    const curve = Array.from({ length: 101 }, (_, k) => [k / 100, alone(kind, k / 100)]).filter(([, share]) => share);
    worth.lines.push(...path(words, words, curve.map(([v, share]) => [v, share[first][0]]), { bold: true }));
    if (both) {
      worth.points.push(mark(words, [x[0], both[first][0]]));
      worth.handles.push(ring(`${name} x`, name[0], [x[0], both[first][0]]));
    }
  }
  let words = "Two alternatives of one kind are worth more together than the pie: nobody can give both theirs.";
  if (both) {
    pie.points.push(mark("Player 1 offers", both[0]), mark("Player 2 offers", both[1]));
    const without = theory.offers({ discounts: s.discount, inside: s.inside, outside: [0, 0], breakdown: s.p, breakdownPayoffs: s.breakdown });
    const binds = both[first].some((share, i) => Math.abs(share - without[first][i]) > 1e-9);
    words = `${number(both[first][0])} for player 1 and ${number(both[first][1])} for player 2, at once. ` + (binds
      ? `Without outside options it would be ${number(without[first][0])} and ${number(without[first][1])}.`
      : "The outside options are worth less than waiting: they change nothing.");
  }
  at("offers-said").textContent = words;
  table("offers-table", ["", "Player 1", "Player 2"], both ? both.map((x, i) =>
    [[`if player ${i + 1} offers first`, [i ? 5 : 1, "circle"]], ...x.map(share => number(share))]) : []);
  return {
    charts: {
      pie: { x: "Player 1", y: "Player 2", kinds, domain: [0, 1], square: true, data: pie, words },
      worth: { x: "worth of player 1's alternative", y: "share of player 1", kinds: kindsOf, domain: [0, 1], square: true, data: worth,
        words: "The share of player 1 by the worth of its alternative, as an outside option, an inside option, and after a breakdown" },
    },
    code: ["from bargaining import AlternatingOffers, Problem, TransferableSurplus", "",
      `pie = Problem(TransferableSurplus(1), ${python(s.inside)})  # what they get while they talk`, "protocol = AlternatingOffers(",
      `    ${python(s.discount)}, outside=${python(s.outside)}, proposer=${first},`,
      `    breakdown=${s.p}, breakdown_payoffs=${python(s.breakdown)},`, ")", "print(protocol(pie).payoffs.round(3))"],
  };
}

function patience(s) {
  const game = figures.games[s.game], k = s["discount-of-both"], discount = figures.discounts[k], leave = s.exit === "both";
  const options = s.option.map((level, i) => game.options[i][level]), names = game.players.map((name, i) => /^\d$/.test(name) ? `Player ${i + 1}` : name);
  const axis = i => names[i] + (game.unit ? `, ${game.unit}` : "");
  tell("discount-of-both", discount.toFixed(2));
  s.option.forEach((_, i) => tell(`option-${i + 1}`, number(options[i], 2)));
  at("option-pair").hidden = !leave;
  const place = 1 + s.option[0] * game.options[1].length + s.option[1];
  const sets = { "Nobody may leave": game.sets[k][0], ...(leave ? { "Either may leave": game.sets[k][place] } : {}) };
  const kinds = { "All averages of the game": [6, "stroke"], "Nobody may leave": [1, "circle"], "Either may leave": [2, "square"], "The worst": [6, "cross"] };
  if (!leave) delete kinds["Either may leave"];
  const data = { areas: [], lines: path("hull", "All averages of the game", closed(game.hull), { dash: true }), points: [], handles: [] }, rows = [];
  for (const [words, found] of Object.entries(sets)) {
    if (!found) continue;
    data.areas.push(...path(words, words, closed(found.corners)));
    data.lines.push(...path(words, words, closed(found.corners), { bold: true }));
    data.points.push(mark("The worst", found.threat));
    if (found.split) data.points.push(mark(words, found.split));
    rows.push([[words, kinds[words]], `${number(found.threat[0])}, ${number(found.threat[1])}`,
      found.split ? `${number(found.split[0])}, ${number(found.split[1])}` : "nothing to divide"]);
  }
  table("patience-table", ["", "The worst", "Nash split"], rows);
  const [stay, go] = [sets["Nobody may leave"], sets["Either may leave"]];
  const change = stay && go && stay.split && go.split ? go.split.map((x, i) => x - stay.split[i]) : null;
  at("patience-said").textContent = !change ? "Pictured are the Nash split and the worst that each can be held to."
    : change.every(x => Math.abs(x) < 5e-4) ? "The right to leave does not change the Nash split."
    : `The right to leave changes the Nash split by ${number(change[0])} for ${names[0]} and ${number(change[1])} for ${names[1]}.`;
  return {
    charts: { sets: { x: axis(0), y: axis(1), kinds, data, words: rows.map(([[words], worst, split]) =>
      `${words}: the worst is ${worst}, the Nash split ${split}`).join("; ") } },
    code: [`from bargaining import Exit, Game, RepeatedGame, nash, payoff_set`, game.code,
      `repeated = RepeatedGame(game, ${discount}${leave ? `, exit=Exit(${python(options)})` : ""})`,
      "print(nash(payoff_set(repeated).problem()).payoffs.round(3))"],
  };
}

const READINGS = { nash: ["War for good", 1], inside: ["Talks go on", 3], breakdown: ["Breakdown", 4], war: ["Walk out into war", 2],
  exit: ["Close the border", 5] };
/* Payoffs while they talk, home's weight and the options to leave, at the k-th share. */
function terms(s, f, k, reading) {
  const [closes, war, [home, partner]] = [s.route === "closed", f.war[k], s.rate], talks = closes ? f.idle[0] : f.talks[k];
  if (reading === "nash") return [war, s.w, null];
  const speed = reading === "breakdown" ? s.speed : 0, w = (partner + speed) / (home + partner + 2 * speed);
  const t = s.rate.map((rate, i) => (rate * talks[i] + speed * war[i]) / (rate + speed));
  return [t, w, reading === "war" ? war : reading === "exit" ? f.exit[k] : null];
}
function share(s, f, k, reading) {
  const deal = f[s.route][k];
  return theory.divide(deal[0] + deal[1], ...terms(s, f, k, reading));
}
function pair(s) {
  if (s.home === s.partner) s.partner = at("partner").value = s.home === "USA" ? "MEX" : "USA";
  const f = figures.pairs[`${s.home}-${s.partner}`], [home, partner, other] = f.names, k = other ? s.r : 0;
  const deal = f[s.route][k], got = share(s, f, k, s.reading), offering = s.reading !== "nash";
  at("r").closest("label").hidden = at("route").closest("label").hidden = !other;
  at("w").closest("label").hidden = offering;
  at("rate-pair").hidden = !offering;
  at("speed").closest("label").hidden = s.reading !== "breakdown";
  tell("r", `${Math.round(100 * figures.shares[k])}%`);
  tell("w", s.w.toFixed(2));
  tell("speed", s.speed.toFixed(2));
  s.rate.forEach((rate, i) => tell(`rate-${i + 1}`, `${Math.round(100 * rate)}%`));
  const named = { "Free trade": deal, "Tariffs in force": f.talks[k], "Tariff war": f.war[k], "Border closed": f.exit[k] };
  const kinds = Object.fromEntries(Object.values(READINGS).map(([words, shade]) => [words, [shade, "circle"]]));
  const paid = { areas: [], lines: [], points: [], handles: [] };
  for (const [reading, [words]] of Object.entries(READINGS)) {
    const curve = f.war.map((_, j) => [figures.shares[j], share(s, f, j, reading)]).filter(([, x]) => x !== null);
    paid.lines.push(...path(words, words, curve.map(([r, x]) => [r, f[s.route][Math.round(20 * r)][0] - x]), { bold: reading === s.reading }));
    if (got !== null && reading === s.reading) paid.points.push(mark(words, [figures.shares[k], deal[0] - got]));
  }
  const look = { Division: [2, "circle"], "Free trade": [1, "square"], "Tariffs in force": [3, "diamond"], "Tariff war": [4, "triangle-up"], "Border closed": [5, "cross"] };
  const money = { areas: [], points: Object.entries(named).map(([words, x]) => mark(words, x)), handles: [], lines: [] };
  const total = deal[0] + deal[1], reach = Object.values(named).map(x => x[0]);
  money.lines.push(...path("total", "Free trade", [Math.min(...reach), Math.max(...reach, got ?? deal[0])].map(x => [x, total - x])));
  if (got !== null) money.points.push(mark("Division", [got, total - got]));
  const value = got === null ? null : deal[0] - got, words = value === null ? "No deal: an agreement would leave nothing to divide."
    : Math.abs(value) < 5e-4 ? "Nobody pays anything for free trade." : `${value < 0 ? partner : home} pays ${value < 0 ? home : partner} ${number(Math.abs(value))} ${f.unit.replace(/ of .*/, "")} a year for free trade.`;
  at("pair-said").replaceChildren(node("strong", {}, words));
  const rates = { "Free trade": [0, 0], "Tariff war": f.rates[k] };
  table("pair-table", ["", home, partner, "Their tariffs"], Object.entries(named).map(([name, x]) => [[name, look[name]],
    ...x.map((one, i) => `${number(one, 2)} (${number(100 * one / f.income[i], 2)}%)`), rates[name] ? rates[name].map(one => `${number(one, 1)}%`).join(", ") : ""]));
  at("pair-note").textContent = `${f.unit} a year against the base, in brackets percent of real income` +
    `${f.tariffs ? `; tariffs in force: ${f.tariffs}` : ""}. ` + (f.agreed ? `If nothing can be paid and r is 0, they agree on tariffs of ` +
    `${number(f.agreed[0], 1)}% (${home}) and ${number(f.agreed[1], 1)}% (${partner}).` : "If nothing can be paid they agree on no tariffs at all.");
  const rate = python(s.rate), division = { nash: `nash(deal.problem(), weights=[${s.w}, ${Number((1 - s.w).toFixed(2))}])`, inside: "",
    breakdown: `, breakdown=${s.speed}, breakdown_payoffs=deal.war.money`, war: ", outside=deal.war.money", exit: ", outside=deal.exit.money" }[s.reading];
  const options = [`data="${f.data}"`, `home="${home}"`, `partner="${partner}"`, ...(other ? [`alternative="${other}"`] : []), ...(f.tariffs ? [`tariffs="${f.tariffs}"`] : [])];
  return {
    charts: {
      paid: { x: `share r that ${home} can redirect`, y: `${home} pays, ${f.unit}`, kinds, data: paid, words },
      money: { x: `${home}, ${f.unit}`, y: `${partner}, ${f.unit}`, kinds: look, data: money,
        words: money.points.map(x => `${x.kind}: ${point([x.x, x.y])}`).join("; ") },
    },
    code: [`from bargaining import ${offering ? "ContinuousOffers" : "nash"}`, "from bargaining_models.negotiation import Negotiation",
      "from bargaining_models.negotiation.deal import Deal", "", `talks = Negotiation(${options.join(", ")})`,
      `deal = Deal.at(talks, r=${figures.shares[k]}, route_survives=${s.route === "open" ? "True" : "False"})`,
      offering ? `offers = ContinuousOffers(${rate}, inside=${rate} * deal.talks.money${division})\ndivision = offers(deal.problem())` : `division = ${division}`,
      `print(deal.transfer(division))  # ${f.unit}, from ${home} to ${partner}`, "",
      `# With more rows and bands, in a shell: bargaining negotiate --home ${s.home} --partner ${s.partner}`],
  };
}

/* The end of trade costs the target and who threatens so much, in money and in percent of real income. */
function power(s) {
  if (s.hegemon === s.target) s.target = at("target").value = s.hegemon === "USA" ? "MEX" : "USA";
  const f = figures.pairs[`${s.target}-${s.hegemon}`], [target, hegemon, other] = f.names, k = other ? s.redirect : 0;
  const delta = s["patience-of-both"], length = Number(s.length), unit = f.unit.replace(/ of .*/, "");
  for (const id of ["redirect", "use"]) at(id).closest("label").hidden = !other;
  tell("redirect", `${Math.round(100 * figures.shares[k])}%`);
  tell("patience-of-both", delta.toFixed(2));
  tell("lag", String(s.lag));
  const asked = ([loss, cost], d) => theory.demands(loss, cost, d, s.lag, length);
  const before = f.cut[0], after = f[s.use][k], [most, least] = asked(after, delta);
  const grid = Array.from({ length: 50 }, (_, j) => 0.5 + j / 100), high = 1.25 * Math.max(before[0], 0.01);
  const kinds = { "The target pays at most": [1, "circle"], "Worth ending trade for": [2, "square"], "At most, without a route": [6, "stroke"] };
  const [pays, needs, plain] = Object.keys(kinds), demands = { areas: [], lines: [], handles: [], points: [mark(pays, [delta, most])] };
  if (least <= high) demands.points.push(mark(needs, [delta, least]));
  const curve = (x, side) => grid.map(d => [d, asked(x, d)[side]]).filter(([, y]) => y <= high);
  const both = grid.filter(d => { const [top, low] = asked(after, d); return low <= top; });
  if (both.length) demands.areas = path("range", pays, closed([...both.map(d => [d, asked(after, d)[0]]), ...both.map(d => [d, asked(after, d)[1]]).reverse()]));
  demands.lines = [...path("most", pays, curve(after, 0), { bold: true }), ...path("least", needs, curve(after, 1), { bold: true }),
    ...path("plain", plain, curve(before, 0), { dash: true })];
  const look = { "Target, route in reserve": [1, "circle"], "Target, route in use": [3, "diamond"], "Who threatens": [2, "square"] };
  const [reserve, open, other2] = Object.keys(look), losses = { areas: [], handles: [], points: [], lines: [] };
  const by = (name, side) => f[name].map((x, j) => [figures.shares[j], x[side]]);
  losses.lines = [...path("reserve", reserve, by("reserve", 0)), ...path("open", open, by("cut", 0)), ...path("cost", other2, by(s.use, 1), { dash: true })];
  losses.points = [mark(s.use === "cut" ? open : reserve, [figures.shares[k], after[0]]), mark(other2, [figures.shares[k], after[1]])];
  const asks = least <= most && most > 0;
  at("power-said").replaceChildren(node("strong", {}, !asks ? `${hegemon} can ask ${target} for nothing: it would not carry the threat out for what ${target} would pay.`
    : `${hegemon} can ask ${target} for ${number(least, 1)} to ${number(most, 1)} ${unit} a year.`));
  const columns = [before, after], percent = (x, i) => `${number(x[i], 2)} (${number(100 * x[i] / f.income[i], 2)}%)`;
  const patience = ([loss, cost]) => loss <= 0 ? "none" : number(Math.max(cost, 0) / (loss + Math.max(cost, 0)), 3);
  table("power-table", ["", "Without a route", `With r = ${Math.round(100 * figures.shares[k])}%`], [
    [`${target} loses`, ...columns.map(x => percent(x, 0))], [`${hegemon} loses`, ...columns.map(x => percent(x, 1))],
    ["At once and for a year, works from patience", ...columns.map(patience)],
    ["Paid at most", ...columns.map(x => number(asked(x, delta)[0]))], ["Worth ending trade for", ...columns.map(x => number(asked(x, delta)[1]))]]);
  at("power-note").textContent = `${f.unit}, in brackets percent of real income. All trade in goods between the two ends; nobody answers with tariffs.`;
  const options = [`data="${f.data}"`, `home="${target}"`, `partner="${hegemon}"`, ...(other ? [`alternative="${other}"`] : []), ...(f.tariffs ? [`tariffs="${f.tariffs}"`] : [])];
  const terms = `${delta}, lag=${s.lag}, length=${length}`;
  return {
    charts: {
      demands: { x: "discount factor a year", y: unit, kinds, data: demands, words: `${hegemon} can ask for at least ${number(least)} and at most ${number(most)}` },
      losses: { x: `share r that ${target} can redirect`, y: f.unit, kinds: look, data: losses, words: `${target} loses ${number(after[0])}, ${hegemon} ${number(after[1])}` },
    },
    code: ["from bargaining_models.negotiation import Negotiation", "", `talks = Negotiation(${options.join(", ")})`,
      other ? `threat = talks.threat(r=${figures.shares[k]}, route="${s.use === "cut" ? "open" : "contingent"}")` : "threat = talks.threat()",
      `print(threat.most(${terms}).round(3), threat.least(${delta}, length=${length}).round(3))  # ${f.unit}`, "",
      `# Other notions of leverage, in a shell: bargaining negotiate --home ${s.target} --partner ${s.hegemon} --notions`],
  };
}

/* Tabs, the address, and what happens on input. */
const TABS = { solutions, offers, patience, pair, power }, tabs = Object.keys(TABS);
let tab = tabs[0];
const now = () => TABS[tab](settings(tab));
function show(keep = false) {
  const shown = now();
  at("code").textContent = shown.code.join("\n");
  for (const [id, { words }] of Object.entries(shown.charts)) at(id).setAttribute("aria-label", words);
  if (form(shown) !== drawn) draw();
  else if (!busy) feed(shown);
  if (!keep) history.replaceState(null, "", `#${new URLSearchParams([["tab", tab], ...FIELDS[tab].map(id => [id, at(id).value])])}`);
}
function choose(name, focus = false) {
  tab = name;
  for (const one of tabs) {
    at(one).hidden = one !== tab;
    at(`tab-${one}`).setAttribute("aria-selected", one === tab);
    at(`tab-${one}`).tabIndex = one === tab ? 0 : -1;
  }
  if (focus) at(`tab-${tab}`).focus();
}
function restore() {
  const wish = new URLSearchParams(location.hash.slice(1));
  choose(tabs.includes(wish.get("tab")) ? wish.get("tab") : tabs[0]);
  for (const id of FIELDS[tab].filter(one => wish.has(one))) {
    const before = at(id).value;
    at(id).value = wish.get(id);
    if (at(id).value === "") at(id).value = before;
  }
  show(true);
}
for (const [k, name] of tabs.entries()) {
  at(`tab-${name}`).addEventListener("click", () => { choose(name); show(); });
  at(`tab-${name}`).addEventListener("keydown", event => {
    const next = { ArrowRight: k + 1, ArrowLeft: k - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(tabs.at(next % tabs.length), true);
    show();
  });
  document.querySelector(`#${name} form`).addEventListener("input", () => show());
  document.querySelector(`#${name} form`).addEventListener("submit", event => event.preventDefault());
}
async function copy(button, text) {
  const words = button.textContent;
  try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
  catch { button.textContent = "Select and copy by hand"; }
  setTimeout(() => { button.textContent = words; }, 1500);
}
at("copy-code").addEventListener("click", event => copy(event.target, at("code").textContent));
at("copy-link").addEventListener("click", event => copy(event.target, location.href));
window.addEventListener("hashchange", restore);
window.addEventListener("resize", () => show(true));
restore();
})();
