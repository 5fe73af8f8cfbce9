/* Convex hulls in the plane: the twin of `hull` and `corners` in _polygon.py. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WELL 1e-12 /* of the square of the width: far more than rounding */

enum { MANY = 100, FEW = 16, DEEP = 8 }; /* points from which on it pays to leave some out, and in how many steps */

typedef struct {
    double x, y;
    ptrdiff_t place;
} Place;

static bool before(const Place *a, const Place *b)
{
    if (a->x != b->x) {
        return a->x < b->x;
    }
    if (a->y != b->y) {
        return a->y < b->y;
    }
    return a->place < b->place;
}

/* Sort by Shell's method: quick for a few, and within bounds whatever the numbers. */
static void sort(Place *places, ptrdiff_t size)
{
    static const ptrdiff_t gaps[] = {8929, 3905, 1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t n = 0; n < sizeof gaps / sizeof *gaps; n++) {
        ptrdiff_t gap = gaps[n];
        for (ptrdiff_t k = gap; k < size; k++) {
            Place place = places[k];
            ptrdiff_t j = k;
            for (; j >= gap && before(&place, &places[j - gap]); j -= gap) {
                places[j] = places[j - gap];
            }
            places[j] = place;
        }
    }
}

/* Append to `out`, from `start` on, the chain of sorted places that turns left only, without its last one. */
static ptrdiff_t half(const Place *places, ptrdiff_t size, ptrdiff_t step, Place *out, ptrdiff_t start)
{
    ptrdiff_t end = start;
    for (ptrdiff_t k = 0; k < size; k++) {
        Place p = places[step > 0 ? k : size - 1 - k];
        while (end - start >= 2) {
            Place o = out[end - 2], q = out[end - 1];
            if ((q.x - o.x) * (p.y - o.y) - (q.y - o.y) * (p.x - o.x) > 0.0) {
                break;
            }
            end--;
        }
        out[end++] = p;
    }
    return end - 1;
}

/* How often a cycle turns back along the first axis, 0 if it is not strictly convex. */
static int turns(const Place *cycle, ptrdiff_t size, double merge)
{
    if (size < 3) {
        return 0;
    }
    Place o = cycle[size - 2], q = cycle[size - 1];
    double ax = q.x - o.x, ay = q.y - o.y;
    int count = 0;
    for (ptrdiff_t k = 0; k < size; k++) {
        double bx = cycle[k].x - q.x, by = cycle[k].y - q.y;
        if (ax * by - ay * bx <= merge * (fabs(ax + bx) + fabs(ay + by)) || fabs(bx) + fabs(by) <= merge) {
            return 0;
        }
        count += (ax < 0.0) != (bx < 0.0);
        q = cycle[k];
        ax = bx;
        ay = by;
    }
    return count;
}

static bool between(Place o, Place q, Place p, double merge)
{
    double ax = q.x - o.x, ay = q.y - o.y, bx = p.x - q.x, by = p.y - q.y;
    if (ax * bx + ay * by < 0.0) {
        return false;
    }
    return ax * by - ay * bx <= merge * (fabs(ax + bx) + fabs(ay + by));
}

static void drop(Place *cycle, ptrdiff_t *size, ptrdiff_t k)
{
    memmove(cycle + k, cycle + k + 1, (size_t)(*size - k - 1) * sizeof *cycle);
    (*size)--;
}

static ptrdiff_t simplify(Place *cycle, ptrdiff_t size, double merge, ptrdiff_t given)
{
    ptrdiff_t i = 0, unchanged = 0;
    while (size > 1 && unchanged < size) {
        i = i < 0 ? i + size : i % size;
        ptrdiff_t last = i > 0 ? i - 1 : size - 1;
        Place o = cycle[last], q = cycle[i];
        if (fabs(q.x - o.x) + fabs(q.y - o.y) <= merge) {
            drop(cycle, &size, q.place > o.place ? i : last);
        } else if (size > 2 && q.place >= given && between(o, q, cycle[(i + 1) % size], merge)) {
            drop(cycle, &size, i);
        } else {
            i++;
            unchanged++;
            continue;
        }
        i--;
        unchanged = 0;
    }
    return size;
}

/* How far a point lies to the left of the way from one to another, times the length of the way. */
static double left_of(Place from, Place to, double x, double y)
{
    return (to.x - from.x) * (y - from.y) - (to.y - from.y) * (x - from.x);
}

/* Keep, of points to the right of the way from o to q, those that are not well inside triangles of some of them. */
static ptrdiff_t beyond(Place *places, ptrdiff_t size, Place o, Place q, double well, int depth)
{
    double most = -well;
    Place far = o;
    for (ptrdiff_t k = 0; size > FEW && k < size; k++) {
        double left = left_of(o, q, places[k].x, places[k].y);
        if (left < most) {
            most = left;
            far = places[k];
        }
    }
    if (most == -well || depth == 0) {
        return size;
    }
    ptrdiff_t first = 0, second = size; /* how many lie beyond the first side, and where those beyond the second start */
    for (ptrdiff_t k = 0; k < second;) {
        Place p = places[k];
        bool within = left_of(o, far, p.x, p.y) > well;
        if (within && left_of(far, q, p.x, p.y) <= well) {
            places[k] = places[--second];
            places[second] = p;
            continue;
        }
        if (!within || left_of(o, q, p.x, p.y) >= -well) {
            places[first++] = p;
        }
        k++;
    }
    ptrdiff_t rest = beyond(places + second, size - second, far, q, well, depth - 1);
    first = beyond(places, first, o, far, well, depth - 1);
    memmove(places + first, places + second, (size_t)rest * sizeof *places);
    return first + rest;
}

/* Take over the points, but of many not those well inside triangles of others. */
static ptrdiff_t taken(Points points, Place *places)
{
    Place west = {INFINITY, 0.0, 0}, east = {-INFINITY, 0.0, 0}, low, high;
    double south = INFINITY, north = -INFINITY, least = 0.0, most = 0.0;
    ptrdiff_t under = 0, over = 0;
    if (points.size <= MANY) {
        for (; under < points.size; under++) {
            places[under] = (Place){points.x[under], points.y[under], under};
        }
        return under;
    }
    for (ptrdiff_t k = 0; k < points.size; k++) {
        double x = points.x[k], y = points.y[k];
        if (x < west.x || (x == west.x && y < west.y)) {
            west = (Place){x, y, k};
        }
        if (x > east.x || (x == east.x && y > east.y)) {
            east = (Place){x, y, k};
        }
        south = y < south ? y : south;
        north = y > north ? y : north;
    }
    double width = fmax(east.x - west.x, north - south), well = WELL * width * width;
    low = high = west;
    for (ptrdiff_t k = 0; k < points.size; k++) {
        double left = left_of(west, east, points.x[k], points.y[k]);
        if (left < least) {
            least = left;
            low = (Place){points.x[k], points.y[k], k};
        }
        if (left > most) {
            most = left;
            high = (Place){points.x[k], points.y[k], k};
        }
    }
    Place *above = places + points.size;
    for (ptrdiff_t k = 0; k < points.size; k++) {
        double x = points.x[k], y = points.y[k], left = left_of(west, east, x, y);
        if (left <= 0.0) {
            if (left >= -well || left_of(west, low, x, y) <= well || left_of(low, east, x, y) <= well) {
                places[under++] = (Place){x, y, k};
            }
        } else if (left <= well || left_of(east, high, x, y) <= well || left_of(high, west, x, y) <= well) {
            above[over++] = (Place){x, y, k};
        }
    }
    under = beyond(places, under, west, east, well, DEEP);
    over = beyond(above, over, east, west, well, DEEP);
    memmove(places + under, above, (size_t)over * sizeof *places);
    return under + over;
}

/* Write which points are the vertices of their hull; return how many, -1 if there is no memory. */
ptrdiff_t hull(Points points, double merge, ptrdiff_t given, ptrdiff_t *cycle)
{
    Place *places = malloc((size_t)(3 * points.size + 2) * sizeof *places);
    if (!places) {
        return -1;
    }
    ptrdiff_t size = 0, count = taken(points, places);
    sort(places, count);
    for (ptrdiff_t k = 0; k < count; k++) {
        if (!size || places[k].x != places[size - 1].x || places[k].y != places[size - 1].y) {
            places[size++] = places[k];
        }
    }
    Place *around = places;
    if (size > 1) {
        around = places + size;
        count = half(places, size, 1, around, 0);
        count = half(places, size, -1, around, count);
        size = turns(around, count, merge) ? count : simplify(around, count, merge, given);
    }
    for (ptrdiff_t k = 0; k < size; k++) {
        cycle[k] = around[k].place;
    }
    free(places);
    return size;
}

/* What `hull` does, fast for the vertices of a convex polygon in order. */
ptrdiff_t corners(Points cycle, ptrdiff_t *order)
{
    Place *places = calloc((size_t)(cycle.size + 1), sizeof *places);
    if (!places) {
        return -1;
    }
    ptrdiff_t first = 0;
    for (ptrdiff_t k = 0; k < cycle.size; k++) {
        places[k] = (Place){cycle.x[k], cycle.y[k], k};
        if (before(&places[k], &places[first])) {
            first = k;
        }
    }
    bool convex = turns(places, cycle.size, MERGE) == 2; /* it winds once */
    free(places);
    if (!convex) {
        return hull(cycle, MERGE, 0, order);
    }
    for (ptrdiff_t k = 0; k < cycle.size; k++) {
        order[k] = (first + k) % cycle.size;
    }
    return cycle.size;
}
