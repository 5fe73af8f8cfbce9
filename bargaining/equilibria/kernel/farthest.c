/* The farthest of many points in a direction: the twin of `Cloud`, repeated/_hyperplanes/cloud.py. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Points of a box that is not halved again, and boxes inside each other at most. */
enum { LEAF = 8, LEVELS = 64 };

/* Boxes, each of which halves its points across its first side: those of box k are `2 k + 1` and `2 k + 2`. A box has
   its centre, then half of each side. Sides are turned with the points, for boxes of a curved surface are thin then.
   `order` says which points these are. */
struct Tree {
    ptrdiff_t size, axes, *order;
    double *points, *boxes;
};

static double *box_of(const Tree *tree, ptrdiff_t node)
{
    return tree->boxes + node * tree->axes * (tree->axes + 1);
}

static inline double product(const double *one, const double *other, ptrdiff_t axes)
{
    if (axes == 3) { /* without a loop: most of the time is spent here */
        return one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
    }
    double out = 0.0;
    for (ptrdiff_t i = 0; i < axes; i++) {
        out += one[i] * other[i];
    }
    return out;
}

/* Sort so far that none before the middle has a larger key than one after it. */
static void halve(ptrdiff_t *order, ptrdiff_t size, const double *keys)
{
    ptrdiff_t first = 0, last = size - 1, middle = size / 2;
    while (first < last) {
        double pivot = keys[order[(first + last) / 2]];
        ptrdiff_t low = first, high = last;
        while (low <= high) {
            while (keys[order[low]] < pivot) {
                low++;
            }
            while (keys[order[high]] > pivot) {
                high--;
            }
            if (low <= high) {
                ptrdiff_t swapped = order[low];
                order[low++] = order[high];
                order[high--] = swapped;
            }
        }
        if (middle <= high) {
            last = high;
        } else if (middle >= low) {
            first = low;
        } else {
            return;
        }
    }
}

/* Turn the first side towards the point that is the farthest from the middle, the next towards what is the farthest
   from that line, and so on; write how far each point lies along the first. `rest` has room for the points. */
static void enclose(const Tree *tree, const double *points, double *box, ptrdiff_t start, ptrdiff_t stop, double *rest,
                    double *keys)
{
    ptrdiff_t axes = tree->axes;
    memset(box, 0, (size_t)(axes * (axes + 1)) * sizeof(double));
    for (ptrdiff_t k = start; k < stop; k++) {
        for (ptrdiff_t i = 0; i < axes; i++) {
            box[i] += points[tree->order[k] * axes + i] / (double)(stop - start);
        }
    }
    for (ptrdiff_t k = start; k < stop; k++) {
        for (ptrdiff_t i = 0; i < axes; i++) {
            rest[k * axes + i] = points[tree->order[k] * axes + i] - box[i];
        }
    }
    for (ptrdiff_t side = 1; side <= axes; side++) {
        double *along = box + side * axes, length = 0.0, low = INFINITY, high = -INFINITY;
        for (ptrdiff_t k = start; k < stop; k++) {
            double square = product(rest + k * axes, rest + k * axes, axes);
            if (square > length) {
                length = square;
                memcpy(along, rest + k * axes, (size_t)axes * sizeof(double));
            }
        }
        if (!(length > 0.0)) {
            return;
        }
        for (ptrdiff_t i = 0; i < axes; i++) {
            along[i] /= sqrt(length);
        }
        for (ptrdiff_t k = start; k < stop; k++) {
            double at = product(rest + k * axes, along, axes);
            low = at < low ? at : low;
            high = at > high ? at : high;
            for (ptrdiff_t i = 0; i < axes; i++) {
                rest[k * axes + i] -= at * along[i];
            }
            if (side == 1) {
                keys[tree->order[k]] = at;
            }
        }
        for (ptrdiff_t i = 0; i < axes; i++) {
            box[i] += along[i] * (low + high) / 2.0;
            along[i] *= (high - low) / 2.0;
        }
    }
}

static void grow(const Tree *tree, const double *points, ptrdiff_t node, ptrdiff_t start, ptrdiff_t stop, double *rest,
                 double *keys)
{
    enclose(tree, points, box_of(tree, node), start, stop, rest, keys);
    if (stop - start > LEAF) {
        ptrdiff_t middle = start + (stop - start) / 2;
        halve(tree->order + start, stop - start, keys);
        grow(tree, points, 2 * node + 1, start, middle, rest, keys);
        grow(tree, points, 2 * node + 2, middle, stop, rest, keys);
    }
}

void fell(Tree *tree)
{
    if (tree) {
        free(tree->points);
        free(tree->order);
        free(tree);
    }
}

/* Make a tree of finite points, at least one; NULL if there is no memory. */
Tree *planted(const double *points, ptrdiff_t size, ptrdiff_t axes)
{
    Tree *tree = calloc(1, sizeof *tree);
    ptrdiff_t nodes = 1;
    for (ptrdiff_t most = size; most > LEAF; most -= most / 2) {
        nodes = 2 * nodes + 1;
    }
    if (!tree) {
        return NULL;
    }
    tree->size = size;
    tree->axes = axes;
    tree->points = malloc((size_t)((size + nodes * (axes + 1)) * axes) * sizeof(double));
    tree->order = malloc((size_t)size * sizeof(ptrdiff_t));
    double *rest = malloc((size_t)(size * (axes + 1)) * sizeof(double));
    if (!tree->points || !tree->order || !rest) {
        free(rest);
        fell(tree);
        return NULL;
    }
    tree->boxes = tree->points + size * axes;
    for (ptrdiff_t k = 0; k < size; k++) {
        tree->order[k] = k;
    }
    grow(tree, points, 0, 0, size, rest, rest + size * axes);
    free(rest);
    for (ptrdiff_t k = 0; k < size; k++) {
        memcpy(tree->points + k * axes, points + tree->order[k] * axes, (size_t)axes * sizeof(double));
    }
    return tree;
}

ptrdiff_t axes_of(const Tree *tree)
{
    return tree->axes;
}

ptrdiff_t size_of(const Tree *tree)
{
    return tree->size;
}

/* The points in the order of their places. */
const double *points_of(const Tree *tree)
{
    return tree->points;
}

/* Which points these are. */
const ptrdiff_t *order_of(const Tree *tree)
{
    return tree->order;
}

/* A box that may hold a farther point: its number, which points are in it, and the most that one can be worth. */
typedef struct {
    ptrdiff_t node, start, stop;
    double worth;
} Box;

static inline Box box(const Tree *tree, ptrdiff_t node, ptrdiff_t start, ptrdiff_t stop, const double *direction)
{
    const double *sides = box_of(tree, node);
    double worth = product(direction, sides, tree->axes);
    for (ptrdiff_t side = 1; side <= tree->axes; side++) {
        worth += fabs(product(direction, sides + side * tree->axes, tree->axes));
    }
    return (Box){node, start, stop, worth};
}

/* Find the point, besides one, that is farther in a direction than `value`, if there is one; places are the tree's. */
void look_farther(const Tree *tree, const double *direction, ptrdiff_t besides, ptrdiff_t *place, double *value)
{
    Box waiting[LEVELS], now = {0, 0, tree->size, INFINITY};
    ptrdiff_t count = 0;
    for (;;) {
        while (now.stop - now.start > LEAF && now.worth > *value) { /* the better half first */
            ptrdiff_t middle = now.start + (now.stop - now.start) / 2;
            Box left = box(tree, 2 * now.node + 1, now.start, middle, direction);
            Box right = box(tree, 2 * now.node + 2, middle, now.stop, direction);
            now = left.worth < right.worth ? right : left;
            waiting[count] = left.worth < right.worth ? left : right;
            count += waiting[count].worth > *value;
        }
        for (ptrdiff_t k = now.start; k < now.stop && now.worth > *value; k++) {
            double worth = product(direction, tree->points + k * tree->axes, tree->axes);
            if (worth > *value && tree->order[k] != besides) {
                *value = worth;
                *place = k;
            }
        }
        if (!count) {
            return;
        }
        now = waiting[--count];
    }
}

/* Write for each direction which point, besides one, is the farthest, and its value. */
void find_farthest(const Tree *tree, const double *directions, ptrdiff_t size, const ptrdiff_t *besides,
                   ptrdiff_t *places, double *values)
{
    for (ptrdiff_t q = 0; q < size; q++) {
        ptrdiff_t place = 0;
        values[q] = -INFINITY;
        look_farther(tree, directions + q * tree->axes, besides[q], &place, &values[q]);
        places[q] = tree->order[place];
    }
}
