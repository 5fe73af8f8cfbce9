/* Weighted sums of polygons: the twin of _stochastic/minkowski.py. */

#include "states.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HALF (PI / 2)

static void insert(Fan *fan, double angle, ptrdiff_t owner, double dx, double dy)
{
    ptrdiff_t k = fan->size++;
    for (; k > 0 && fan->angle[k - 1] > angle; k--) {
        fan->angle[k] = fan->angle[k - 1];
        fan->owner[k] = fan->owner[k - 1];
        fan->dx[k] = fan->dx[k - 1];
        fan->dy[k] = fan->dy[k - 1];
    }
    fan->angle[k] = angle;
    fan->owner[k] = owner;
    fan->dx[k] = dx;
    fan->dy[k] = dy;
}

/* Add a polygon's edges from the lowest angle on; return at which vertex they start. */
static ptrdiff_t turned(Fan *fan, const double *x, const double *y, ptrdiff_t n, ptrdiff_t owner, double *angles)
{
    ptrdiff_t start = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        ptrdiff_t next = k + 1 < n ? k + 1 : 0;
        double angle = atan2(y[next] - y[k], x[next] - x[k]);
        angles[k] = angle > -HALF ? angle : angle + 2 * PI;
        start = angles[k] < angles[start] ? k : start;
    }
    double angle = n ? angles[start] : 0.0;
    for (ptrdiff_t m = 0; m < (n > 1 ? n : 0); m++) {
        ptrdiff_t k = (start + m) % n, next = k + 1 < n ? k + 1 : 0;
        angle = angles[k] > angle ? angles[k] : angle;
        insert(fan, angle, owner, x[next] - x[k], y[next] - y[k]);
    }
    return n > 1 ? start : 0;
}

/* Lay positions from `start` to `stop` into a walk, from the end if it is `reversed`. */
static void walk(Fan *fan, int number, ptrdiff_t start, ptrdiff_t stop, bool reversed)
{
    ptrdiff_t length = fan->length[number] = stop - start + 1;
    for (ptrdiff_t k = 0; k < length; k++) {
        fan->walk[number][k] = reversed ? stop - k : start + k;
    }
}

static void walks(Fan *fan)
{
    const double *angle = fan->angle;
    ptrdiff_t size = fan->size, east = bisect_left(angle, size, 0.0), west = bisect_right(angle, size, PI);
    walk(fan, TOP, bisect_right(angle, size, HALF), bisect_left(angle, size, 3 * HALF), true);
    walk(fan, BOTTOM, 0, bisect_left(angle, size, HALF), false);
    walk(fan, RIGHT, bisect_right(angle, size, 0.0), bisect_left(angle, size, PI), false);
    /* The last one runs past the end of the edges. */
    walk(fan, LEFT, 0, east, true);
    for (ptrdiff_t k = size - 1; k >= west; k--) {
        fan->walk[LEFT][fan->length[LEFT]++] = k;
    }
}

/* Sort the edges; false if there is no memory, else the caller frees `memory`. Some polygon is not empty. */
bool fan_of(const Sets *sets, Fan *fan)
{
    const ptrdiff_t *first = sets->first;
    ptrdiff_t states = sets->states, last = sets->vertices.size - 1, room = last + 3;
    double *memory = malloc((size_t)room * 4 * sizeof(double) + (size_t)(room * (5 + states)) * sizeof(ptrdiff_t));
    *fan = (Fan){.angle = memory, .memory = memory};
    if (!memory) {
        return false;
    }
    fan->dx = memory + room;
    fan->dy = memory + 2 * room;
    fan->owner = (ptrdiff_t *)(memory + 4 * room);
    fan->at = fan->owner + 5 * room;
    for (int k = 0; k < 4; k++) {
        fan->walk[k] = fan->owner + (k + 1) * room;
    }
    for (ptrdiff_t s = 0; s < states; s++) {
        ptrdiff_t start = first[s], size = first[s + 1] - start;
        start += turned(fan, sets->vertices.x + start, sets->vertices.y + start, size, s, memory + 3 * room);
        fan->at[s] = start < last ? start : last; /* an empty polygon has no weight */
    }
    for (ptrdiff_t k = 0; k < fan->size; k++) {
        ptrdiff_t *stand = fan->at + (k + 1) * states, s = fan->owner[k];
        memcpy(stand, stand - states, (size_t)states * sizeof *stand);
        stand[s] = stand[s] + 1 < first[s + 1] ? stand[s] + 1 : first[s];
    }
    walks(fan);
    return true;
}

/* Make room for the boundaries of a fan, one at a time; false if there is none, else the caller frees `memory`. */
bool room_for(const Fan *fan, Boundary *boundary)
{
    ptrdiff_t room = fan->size + 1;
    double *memory = malloc((size_t)room * 10 * sizeof *memory);
    *boundary = (Boundary){.x = memory, .memory = memory};
    if (!memory) {
        return false;
    }
    boundary->y = memory + room;
    for (int k = 0; k < 4; k++) {
        boundary->side[k] =
            (Chain){fan->length[k], memory + (2 + 2 * k) * room, memory + (3 + 2 * k) * room, fan->walk[k]};
    }
    return true;
}

static void ends(const double *values, ptrdiff_t size, double *low, double *high)
{
    *low = *high = values[0];
    for (ptrdiff_t k = 1; k < size; k++) {
        *low = values[k] < *low ? values[k] : *low;
        *high = values[k] > *high ? values[k] : *high;
    }
}

/* Find the boundary of the sum with these weights. */
void boundary_of(const Fan *fan, const Sets *sets, const double *shares, Boundary *boundary)
{
    double x = 0.0, y = 0.0, *xs = boundary->x, *ys = boundary->y;
    for (ptrdiff_t s = 0; s < sets->states; s++) {
        if (shares[s] != 0.0) {
            x += shares[s] * sets->vertices.x[fan->at[s]];
            y += shares[s] * sets->vertices.y[fan->at[s]];
        }
    }
    xs[0] = x;
    ys[0] = y;
    for (ptrdiff_t k = 0; k < fan->size; k++) {
        double share = shares[fan->owner[k]];
        if (share != 0.0) {
            x += share * fan->dx[k];
            y += share * fan->dy[k];
        }
        xs[k + 1] = x;
        ys[k + 1] = y;
    }
    ends(xs, fan->size + 1, &boundary->low[0], &boundary->high[0]);
    ends(ys, fan->size + 1, &boundary->low[1], &boundary->high[1]);
    for (int k = 0; k < 4; k++) {
        const Chain *side = &boundary->side[k];
        const double *arguments = k < RIGHT ? xs : ys, *values = k < RIGHT ? ys : xs;
        for (ptrdiff_t n = 0; n < side->size; n++) {
            side->argument[n] = arguments[side->vertex[n]];
            side->value[n] = values[side->vertex[n]];
        }
    }
}

/* The other coordinate where a side passes over an argument, clipped to its ends. */
double over(const Chain *chain, double argument)
{
    const double *arguments = chain->argument, *values = chain->value;
    double end = arguments[chain->size - 1];
    if (argument < arguments[0]) {
        return values[0];
    }
    if (!(argument < end)) {
        return values[bisect_left(arguments, chain->size, end)];
    }
    ptrdiff_t k = piece(chain, argument);
    double start = arguments[k - 1], base = values[k - 1];
    return base + (argument - start) / (arguments[k] - start) * (values[k] - base);
}
