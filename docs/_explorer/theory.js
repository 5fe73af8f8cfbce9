/* The closed forms that dragging needs; a test compares them with the library in a browser. Points are [x, y]: what
player 1 and player 2 get. Null means that there is nothing to agree on. */
const theory = (() => {
"use strict";
const cross = (o, a, b) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
const between = (a, b, t) => [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];

/* Corners of the Pareto frontier of everything below the hull of points, the best for player 2 first. */
function frontier(points) {
  const chain = [];
  for (const point of [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    while (chain.length && chain.at(-1)[1] <= point[1]) chain.pop();
    while (chain.length > 1 && cross(chain.at(-2), chain.at(-1), point) >= 0) chain.pop();
    chain.push(point);
  }
  return chain;
}

/* The part of it that gives both at least d, with the ends at which one player gets d exactly. */
function rational(corners, d) {
  const [first, last] = [corners[0], corners.at(-1)];
  if (!(d[0] < last[0] && d[1] < first[1])) return null;
  const cut = (i, other) => {  // what the other player has where player i has d, at most
    if (d[i] <= (i ? last : first)[i]) return (i ? last : first)[other];
    const end = corners.findIndex((corner, k) => k && (corners[k - 1][i] - d[i]) * (corner[i] - d[i]) <= 0);
    const [a, b] = [corners[end - 1], corners[end]];
    return between(a, b, (d[i] - a[i]) / (b[i] - a[i]))[other];
  };
  const ideal = [cut(1, 0), cut(0, 1)];
  if (!(ideal[0] > d[0] && ideal[1] > d[1])) return null;
  const inner = corners.filter(corner => corner[0] > d[0] && corner[1] > d[1]);
  return { ideal, chain: [[d[0], ideal[1]], ...inner, [ideal[0], d[1]]] };
}

/* Where the line through a point in a direction meets a chain. */
function meet(chain, point, direction) {
  const side = corner => direction[0] * (corner[1] - point[1]) - direction[1] * (corner[0] - point[0]);
  for (let k = 1; k < chain.length; k++) {
    const [before, after] = [side(chain[k - 1]), side(chain[k])];
    if (before >= 0 && after <= 0 && before > after) return between(chain[k - 1], chain[k], before / (before - after));
  }
  return null;
}

function largestProduct(chain, d) {
  const product = x => (x[0] - d[0]) * (x[1] - d[1]);
  let best = chain[0];
  for (let k = 1; k < chain.length; k++) {
    const [a, b] = [chain[k - 1], chain[k]], v = [b[0] - a[0], b[1] - a[1]];
    const top = -(v[0] * (a[1] - d[1]) + v[1] * (a[0] - d[0])) / (2 * v[0] * v[1]);
    const x = between(a, b, v[0] * v[1] < 0 ? Math.min(Math.max(top, 0), 1) : 1);
    if (product(x) > product(best)) best = x;
  }
  return best;
}

function solutions(points, d) {
  const corners = frontier(points), part = rational(corners, d);
  if (!part) return null;
  const { ideal, chain } = part, most = Math.max(...corners.map(x => x[0] + x[1]));
  const tied = corners.filter(x => x[0] + x[1] > most - 1e-9);
  return {
    corners, ideal, chain,
    nash: largestProduct(chain, d),
    kalai_smorodinsky: meet(chain, d, [ideal[0] - d[0], ideal[1] - d[1]]),
    egalitarian: meet(chain, d, [1, 1]),
    utilitarian: between(tied[0], tied.at(-1), 0.5),
    equal_loss: meet(chain, ideal, [1, 1]),
  };
}

/* Alternating offers over a pie of 1: what the first player and the second get when either proposes. The responder may
leave for `outside`; else talks break down with probability p; waiting pays `inside` a period. */
function offers({ discounts, inside, outside, breakdown: p, breakdownPayoffs }) {
  const sum = pair => pair[0] + pair[1];
  if ([inside, outside, breakdownPayoffs].some(pair => sum(pair) > 1)) return null;
  const refusal = (i, next) =>
    Math.max(outside[i], p * breakdownPayoffs[i] + (1 - p) * (inside[i] + discounts[i] * (next - inside[i])));
  let second = 0, first = 0;
  for (let k = 0, change = 1; change > 1e-15 && k < 1e5; k++) {
    const before = second;
    first = refusal(0, 1 - second);
    second = refusal(1, 1 - first);
    change = Math.abs(second - before);
  }
  if (first > 1 || second > 1) return null;
  return [[1 - second, second], [first, 1 - first]];
}

/* How home and the partner divide `total`: about t, with home's weight w, cut by options to leave. The figures are
rounded: a surplus of -3e-4 may be none. */
function divide(total, t, w, options) {
  const surplus = total - t[0] - t[1], share = t[0] + w * Math.max(surplus, 0);
  if (surplus < -3e-4) return null;
  if (!options) return share;
  return total < options[0] + options[1] ? null : Math.min(Math.max(share, options[0]), total - options[1]);
}

/* The most that the target pays a year to avoid a cut that comes `lag` years after a refusal and lasts `length`, and the
least for which the other carries it out. */
function demands(loss, cost, delta, lag, length) {
  const late = delta ** lag, after = delta ** length;
  return [Math.max(loss, 0) * late * (1 - after) / (1 - late * after), Math.max(cost, 0) * (1 / after - 1)];
}

return { frontier, rational, solutions, offers, divide, demands };
})();
