/* The fixed point of a structure, by Newton: the twin of repeated/_search/structure.py. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDING 2e-16

enum { STEPS = 6 }; /* at most */

/* A number `constant + slope * unknowns[unknown]`; unknown is -1 if it is constant. */
typedef struct {
    double constant;
    ptrdiff_t unknown;
    double slope;
} Affine;

/* The free coordinate i of a continuation between the vertices p and q, at the other player's threshold. */
typedef struct {
    int i;
    ptrdiff_t p, q;
    Affine threshold;
    double now;
} Row;

typedef struct {
    const Block *block;
    Points polygon;
    const Tag *tags;
    Affine threat[2], (*table)[2]; /* the coordinates of each vertex */
    ptrdiff_t size;                /* how many unknowns */
    Row rows[FEW_UNKNOWNS];
    double start[FEW_UNKNOWNS];
} System;

static double coordinate(Points polygon, ptrdiff_t k, int i)
{
    return i ? polygon.y[k] : polygon.x[k];
}

static double of(const double *array, const Block *block, int i, ptrdiff_t profile)
{
    return array[i * block->size + profile];
}

static bool given(long kind)
{
    return kind == STATIC || kind == LEAVE;
}

/* Whether the coordinate i of a vertex of some kind is unknown. */
static bool is_free(long kind, int i)
{
    return i ? kind == TOP || kind == BOTTOM : kind == RIGHT || kind == LEFT;
}

static Affine constant(double value)
{
    return (Affine){value, -1, 0.0};
}

static double at(Affine number, const double *unknowns)
{
    return number.unknown < 0 ? number.constant : number.constant + number.slope * unknowns[number.unknown];
}

static Affine threat(const System *system, const double bound[2], int i)
{
    const Block *block = system->block;
    Points polygon = system->polygon;
    ptrdiff_t k = 0, unknown = 0;
    for (ptrdiff_t n = 1; n < polygon.size; n++) {
        double own = coordinate(polygon, n, i), least = coordinate(polygon, k, i);
        if (own < least || (own == least && given(system->tags[n].kind) && !given(system->tags[k].kind))) {
            k = n;
        }
    }
    double low = coordinate(polygon, k, i);
    if (bound[i] >= low - 1e-15) {
        return constant(bound[i]);
    }
    Tag tag = system->tags[k];
    if (is_free(tag.kind, i)) {
        for (ptrdiff_t n = 0; n < k; n++) {
            unknown += is_free(system->tags[n].kind, 0) || is_free(system->tags[n].kind, 1);
        }
        return (Affine){0.0, unknown, 1.0};
    }
    if (given(tag.kind)) {
        return constant(low);
    }
    if (block->floor && of(block->floor, block, i, tag.profile) > low + of(block->gain, block, i, tag.profile)) {
        return constant(of(block->now, block, i, tag.profile) +
                        block->delta[i] * of(block->floor, block, i, tag.profile));
    }
    return constant(of(block->best, block, i, tag.profile));
}

static Affine threshold(const System *system, long profile, int i)
{
    const Block *block = system->block;
    Affine needed = system->threat[i];
    needed.constant += of(block->gain, block, i, profile);
    if (block->floor && of(block->floor, block, i, profile) > at(needed, system->start)) {
        return constant(of(block->floor, block, i, profile));
    }
    return needed;
}

static Affine continued(const Block *block, long profile, int i, Affine ahead)
{
    double delta = block->delta[i];
    return (Affine){of(block->now, block, i, profile) + delta * ahead.constant, ahead.unknown, delta * ahead.slope};
}

static Affine row(System *system, long profile, int i, ptrdiff_t p, ptrdiff_t q, Affine ahead)
{
    system->rows[system->size] = (Row){i, p, q, ahead, of(system->block->now, system->block, i, profile)};
    return (Affine){0.0, system->size++, 1.0};
}

static void coordinates(System *system, const Chains *chains, ptrdiff_t k)
{
    const Block *block = system->block;
    Affine *out = system->table[k];
    Tag tag = system->tags[k];
    if (given(tag.kind)) {
        out[0] = constant(system->polygon.x[k]);
        out[1] = constant(system->polygon.y[k]);
    } else if (tag.kind == CORNER) {
        for (int i = 0; i < 2; i++) {
            out[i] = continued(block, tag.profile, i, threshold(system, tag.profile, i));
        }
    } else {
        int i = tag.kind == TOP || tag.kind == BOTTOM;
        Affine ahead = threshold(system, tag.profile, 1 - i);
        const Chain *side = &chains->side[tag.kind];
        ptrdiff_t end = piece(side, at(ahead, system->start));
        ptrdiff_t p = side->vertex[end ? end - 1 : 0], q = side->vertex[end];
        out[i] = row(system, tag.profile, i, p, q, ahead);
        out[1 - i] = continued(block, tag.profile, 1 - i, ahead);
    }
}

/* Set up the equations: NO_MEMORY, UNDECIDED if there are too many, or YES. */
static Answer set_up(System *system, const Block *block, Points polygon, const Tag *tags, const double bound[2])
{
    system->block = block;
    system->polygon = polygon;
    system->tags = tags;
    system->size = 0;
    for (ptrdiff_t k = 0; k < polygon.size; k++) {
        bool unknown = is_free(tags[k].kind, 0) || is_free(tags[k].kind, 1);
        if (unknown && system->size == FEW_UNKNOWNS) {
            return UNDECIDED;
        }
        if (unknown) {
            system->start[system->size++] = coordinate(polygon, k, is_free(tags[k].kind, 1));
        }
    }
    system->size = 0;
    Chains chains;
    if (!chains_of(polygon, &chains)) {
        return NO_MEMORY;
    }
    system->threat[0] = threat(system, bound, 0);
    system->threat[1] = threat(system, bound, 1);
    for (ptrdiff_t k = 0; k < polygon.size; k++) {
        coordinates(system, &chains, k);
    }
    free(chains.memory);
    return YES;
}

static void vertices(const System *system, const double *unknowns, Points out)
{
    for (ptrdiff_t k = 0; k < out.size; k++) {
        out.x[k] = at(system->table[k][0], unknowns);
        out.y[k] = at(system->table[k][1], unknowns);
    }
}

static void add(double *entries, Affine number, double weight)
{
    if (number.unknown >= 0) {
        entries[number.unknown] += weight * number.slope;
    }
}

/* Write the Jacobian, each row with its residual at the end; `points` are the vertices at these unknowns. */
static void linearise(const System *system, const double *unknowns, Points points, double *matrix)
{
    ptrdiff_t size = system->size;
    memset(matrix, 0, (size_t)(size * (size + 1)) * sizeof *matrix);
    for (ptrdiff_t n = 0; n < size; n++) {
        const Row *row = &system->rows[n];
        double *entries = matrix + n * (size + 1), delta = system->block->delta[row->i];
        int i = row->i, o = 1 - i;
        double width = coordinate(points, row->q, o) - coordinate(points, row->p, o), share = 0.0, steep = 0.0;
        double ahead = at(row->threshold, unknowns) - coordinate(points, row->p, o);
        if (fabs(width) >= 1e-15) {
            share = ahead / width;
            steep = (coordinate(points, row->q, i) - coordinate(points, row->p, i)) / width;
        }
        entries[size] = unknowns[n] - row->now - delta * (coordinate(points, row->p, i) + steep * ahead);
        entries[n] += 1.0;
        add(entries, row->threshold, -(delta * steep));
        for (int end = 0; end < 2; end++) {
            const Affine *at_end = system->table[end ? row->q : row->p];
            double weight = end ? delta * share : delta * (1.0 - share);
            add(entries, at_end[i], -weight);
            add(entries, at_end[o], weight * steep);
        }
    }
}

/* Take Newton steps; write the vertices to `out` and which of them are corners to `order`, as many as `count`. */
static Answer descend(System *system, Points out, ptrdiff_t *order, ptrdiff_t *count)
{
    ptrdiff_t size = system->size;
    double unknowns[FEW_UNKNOWNS], step[FEW_UNKNOWNS], matrix[FEW_UNKNOWNS * (FEW_UNKNOWNS + 1)];
    memcpy(unknowns, system->start, sizeof unknowns);
    for (int n = 0; n < (size ? STEPS : 0); n++) {
        vertices(system, unknowns, out);
        linearise(system, unknowns, out, matrix);
        double residual = 0.0, length = 0.0;
        for (ptrdiff_t k = 0; k < size; k++) {
            residual = fmax(residual, fabs(matrix[k * (size + 1) + size]));
        }
        if (n && residual <= ROUNDING) {
            break;
        }
        if (!solve(size, matrix, step)) {
            return NO;
        }
        for (ptrdiff_t k = 0; k < size; k++) {
            unknowns[k] -= step[k];
            length = fmax(length, fabs(step[k]));
            if (!(fabs(step[k]) < 1e3)) {
                return NO;
            }
        }
        if (length < 1e-8) {
            break;
        }
        if (n == 0) {
            vertices(system, unknowns, out);
            *count = corners(out, order);
            if (*count < out.size) {
                return *count < 0 ? NO_MEMORY : YES;
            }
        }
    }
    vertices(system, unknowns, out);
    *count = corners(out, order);
    return *count < 0 ? NO_MEMORY : YES;
}

/* Replace a polygon of at most ROOM vertices and its tags by the fixed point of its structure; NO if there is none. */
Answer newton(const Block *block, Points *polygon, Tag *tags, const double bound[2])
{
    Affine table[ROOM][2];
    double x[ROOM], y[ROOM];
    Tag before[ROOM];
    ptrdiff_t order[ROOM], count = 0;
    System system = {.table = table};
    while (count != polygon->size) {
        Points out = {polygon->size, x, y};
        Answer answer = set_up(&system, block, *polygon, tags, bound);
        answer = answer == YES ? descend(&system, out, order, &count) : answer;
        if (answer != YES) {
            return answer;
        }
        memcpy(before, tags, (size_t)out.size * sizeof *tags);
        for (ptrdiff_t k = 0; k < count; k++) {
            polygon->x[k] = x[order[k]];
            polygon->y[k] = y[order[k]];
            tags[k] = before[order[k]];
        }
        polygon->size = count;
        count = out.size; /* the same if all were corners, and then it is done */
    }
    return YES;
}
