/* The boundary of a polygon as functions: the twin of `Chains` in _polygon.py. */

#include "kernel.h"

#include <stdlib.h>

static void span(const double *values, double extreme, ptrdiff_t n, ptrdiff_t *first, ptrdiff_t *last)
{
    ptrdiff_t k = 0;
    while (k < n - 1 && values[k] != extreme) {
        k++;
    }
    *first = *last = k;
    while (values[(*first + n - 1) % n] == extreme && (*first + n - 1) % n != *last) {
        *first = (*first + n - 1) % n;
    }
    while (values[(*last + 1) % n] == extreme && (*last + 1) % n != *first) {
        *last = (*last + 1) % n;
    }
}

/* Lay the vertices from `start` to `stop` into a chain, from the end if it is `reversed`. */
static void walk(Chain *chain, const double *arguments, const double *values, ptrdiff_t n, ptrdiff_t start,
                 ptrdiff_t stop, bool reversed)
{
    chain->size = (start <= stop ? stop : stop + n) - start + 1;
    for (ptrdiff_t k = 0; k < chain->size; k++) {
        ptrdiff_t vertex = (start + k) % n, to = reversed ? chain->size - 1 - k : k;
        chain->argument[to] = arguments[vertex];
        chain->value[to] = values[vertex];
        chain->vertex[to] = vertex;
    }
}

static ptrdiff_t least(const double *values, ptrdiff_t n, double sign)
{
    return n > 1 && sign * values[1] < sign * values[0] ? 1 : 0;
}

/* The two sides of a point or a segment as functions of one coordinate: the same but where it is all at one place. */
static void sides(Chain *lower, Chain *upper, const double *arguments, const double *values, ptrdiff_t n)
{
    if (n > 1 && arguments[0] != arguments[1]) {
        bool turned = arguments[1] < arguments[0];
        walk(lower, arguments, values, n, 0, 1, turned);
        walk(upper, arguments, values, n, 0, 1, turned);
        return;
    }
    ptrdiff_t low = least(values, n, 1.0), high = least(values, n, -1.0);
    walk(lower, arguments, values, n, low, low, false);
    walk(upper, arguments, values, n, high, high, false);
}

/* Find the four sides; false if there is no memory, else the caller frees `memory`. The polygon is not empty. */
bool chains_of(Points polygon, Chains *chains)
{
    const double *xs = polygon.x, *ys = polygon.y;
    ptrdiff_t n = polygon.size, room = n + 1;
    double *memory = malloc((size_t)room * 4 * (2 * sizeof(double) + sizeof(ptrdiff_t)));
    if (!memory) {
        return false;
    }
    chains->memory = memory;
    ptrdiff_t *vertices = (ptrdiff_t *)(memory + 8 * room);
    for (int k = 0; k < 4; k++) {
        chains->side[k] = (Chain){0, memory + 2 * k * room, memory + (2 * k + 1) * room, vertices + k * room};
    }
    chains->low[0] = chains->high[0] = xs[0];
    chains->low[1] = chains->high[1] = ys[0];
    for (ptrdiff_t k = 1; k < n; k++) {
        chains->low[0] = xs[k] < chains->low[0] ? xs[k] : chains->low[0];
        chains->low[1] = ys[k] < chains->low[1] ? ys[k] : chains->low[1];
        chains->high[0] = xs[k] > chains->high[0] ? xs[k] : chains->high[0];
        chains->high[1] = ys[k] > chains->high[1] ? ys[k] : chains->high[1];
    }
    if (n < 3) {
        sides(&chains->side[BOTTOM], &chains->side[TOP], xs, ys, n);
        sides(&chains->side[LEFT], &chains->side[RIGHT], ys, xs, n);
        return true;
    }
    ptrdiff_t west[2], south[2], east[2], north[2];
    span(xs, chains->low[0], n, west, west + 1);
    span(ys, chains->low[1], n, south, south + 1);
    span(xs, chains->high[0], n, east, east + 1);
    span(ys, chains->high[1], n, north, north + 1);
    walk(&chains->side[BOTTOM], xs, ys, n, west[1], east[0], false);
    walk(&chains->side[RIGHT], ys, xs, n, south[1], north[0], false);
    walk(&chains->side[TOP], xs, ys, n, east[1], west[0], true);
    walk(&chains->side[LEFT], ys, xs, n, north[1], south[0], true);
    return true;
}

/* How many of the chain's arguments are not beyond this one. */
static ptrdiff_t bisect(const Chain *chain, double argument)
{
    ptrdiff_t low = 0, high = chain->size;
    while (low < high) {
        ptrdiff_t middle = (low + high) / 2;
        if (argument < chain->argument[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The end of the chain's piece that passes over an argument: from 1 on, 0 for a chain of one point. */
ptrdiff_t piece(const Chain *chain, double argument)
{
    ptrdiff_t last = chain->size - 1, k = bisect(chain, argument);
    k = k < 1 ? 1 : k;
    return k > last ? last : k;
}

/* Interpolate. */
double value_at(const Chain *chain, double argument)
{
    const double *arguments = chain->argument, *values = chain->value;
    if (argument <= arguments[0]) {
        return values[0];
    }
    if (argument >= arguments[chain->size - 1]) {
        return values[chain->size - 1];
    }
    ptrdiff_t k = bisect(chain, argument);
    double left = arguments[k - 1], right = arguments[k];
    return (values[k] - values[k - 1]) / (right - left) * (argument - left) + values[k - 1];
}

void lowest(Points polygon, double low[2])
{
    low[0] = polygon.x[0];
    low[1] = polygon.y[0];
    for (ptrdiff_t k = 1; k < polygon.size; k++) {
        low[0] = polygon.x[k] < low[0] ? polygon.x[k] : low[0];
        low[1] = polygon.y[k] < low[1] ? polygon.y[k] : low[1];
    }
}
