/* The farthest of many points in a direction: the twin of `Cloud`, repeated/_hyperplanes/cloud.py. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAF = 8 }; /* points of a box that is not halved again */

/* Boxes, each of which halves its points across its longest side: those of box k are `2 k + 1` and `2 k + 2`. A box has
   its lowest corner, then its highest; `order` says which points these are. */
struct Tree {
    ptrdiff_t size, axes, *order;
    double *points, *boxes;
};

static double *box_of(const Tree *tree, ptrdiff_t node)
{
    return tree->boxes + 2 * node * tree->axes;
}

/* Sort so far that none before the middle comes after it along an axis. */
static void halve(ptrdiff_t *order, ptrdiff_t size, const double *points, ptrdiff_t axes)
{
    ptrdiff_t first = 0, last = size - 1, middle = size / 2;
    while (first < last) {
        double pivot = points[order[(first + last) / 2] * axes];
        ptrdiff_t low = first, high = last;
        while (low <= high) {
            while (points[order[low] * axes] < pivot) {
                low++;
            }
            while (points[order[high] * axes] > pivot) {
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

static void grow(const Tree *tree, const double *points, ptrdiff_t node, ptrdiff_t start, ptrdiff_t stop)
{
    ptrdiff_t axes = tree->axes, longest = 0;
    double *low = box_of(tree, node), *high = low + axes;
    for (ptrdiff_t i = 0; i < axes; i++) {
        low[i] = INFINITY;
        high[i] = -INFINITY;
        for (ptrdiff_t k = start; k < stop; k++) {
            double x = points[tree->order[k] * axes + i];
            low[i] = x < low[i] ? x : low[i];
            high[i] = x > high[i] ? x : high[i];
        }
        longest = high[i] - low[i] > high[longest] - low[longest] ? i : longest;
    }
    if (stop - start > LEAF) {
        ptrdiff_t middle = start + (stop - start) / 2;
        halve(tree->order + start, stop - start, points + longest, axes);
        grow(tree, points, 2 * node + 1, start, middle);
        grow(tree, points, 2 * node + 2, middle, stop);
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
    tree->points = malloc((size_t)((size + 2 * nodes) * axes) * sizeof(double));
    tree->order = malloc((size_t)size * sizeof(ptrdiff_t));
    if (!tree->points || !tree->order) {
        fell(tree);
        return NULL;
    }
    tree->boxes = tree->points + size * axes;
    for (ptrdiff_t k = 0; k < size; k++) {
        tree->order[k] = k;
    }
    grow(tree, points, 0, 0, size);
    for (ptrdiff_t k = 0; k < size; k++) {
        memcpy(tree->points + k * axes, points + tree->order[k] * axes, (size_t)axes * sizeof(double));
    }
    return tree;
}

ptrdiff_t axes_of(const Tree *tree)
{
    return tree->axes;
}

/* The most that a point of a box can be worth. */
static double most(const Tree *tree, ptrdiff_t node, const double *direction)
{
    const double *low = box_of(tree, node), *high = low + tree->axes;
    double out = 0.0;
    for (ptrdiff_t i = 0; i < tree->axes; i++) {
        out += direction[i] * (direction[i] > 0.0 ? high[i] : low[i]);
    }
    return out;
}

static void search_box(const Tree *tree, ptrdiff_t node, ptrdiff_t start, ptrdiff_t stop, const double *direction,
                       ptrdiff_t besides, ptrdiff_t *place, double *value)
{
    if (stop - start <= LEAF) {
        for (ptrdiff_t k = start; k < stop; k++) {
            double worth = 0.0;
            for (ptrdiff_t i = 0; i < tree->axes; i++) {
                worth += direction[i] * tree->points[k * tree->axes + i];
            }
            if (worth > *value && tree->order[k] != besides) {
                *value = worth;
                *place = k;
            }
        }
        return;
    }
    ptrdiff_t middle = start + (stop - start) / 2, left = 2 * node + 1;
    double worth[2] = {most(tree, left, direction), most(tree, left + 1, direction)};
    for (int turn = 0; turn < 2; turn++) {
        bool right = (worth[1] > worth[0]) == !turn; /* the better one first */
        if (worth[right] > *value) {
            search_box(tree, left + right, right ? middle : start, right ? stop : middle, direction, besides, place,
                       value);
        }
    }
}

/* Write for each direction which point, besides one, is the farthest, and its value. */
void find_farthest(const Tree *tree, const double *directions, ptrdiff_t size, const ptrdiff_t *besides,
                   ptrdiff_t *places, double *values)
{
    for (ptrdiff_t q = 0; q < size; q++) {
        ptrdiff_t place = 0;
        values[q] = -INFINITY;
        search_box(tree, 0, 0, tree->size, directions + q * tree->axes, besides[q], &place, &values[q]);
        places[q] = tree->order[place];
    }
}
