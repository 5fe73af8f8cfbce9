/* One application of the operator: the twin of `apply_to_few`, repeated/_search/operator.py. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>

/* Write the lowest continuation that keeps each player to a profile. */
void thresholds(const Block *block, ptrdiff_t profile, const double threat[2], double least[2])
{
    for (int i = 0; i < 2; i++) {
        ptrdiff_t own = i * block->size + profile;
        least[i] = block->gain[own] + threat[i];
        if (block->floor && block->floor[own] > least[i]) {
            least[i] = block->floor[own];
        }
    }
}

/* Append a point, and how it is generated. */
static void add_point(Points *points, Tag *tags, double x, double y, Tag tag)
{
    points->x[points->size] = x;
    points->y[points->size] = y;
    tags[points->size++] = tag;
}

/* Add the points that a profile gives; false if it cannot be played. */
static bool played(const Block *block, ptrdiff_t n, const Chains *chains, double x, double y, Points *points, Tag *tags)
{
    ptrdiff_t size = block->size;
    long k = (long)block->index[n];
    const Chain *side = chains->side;
    double gx = block->payoffs[n], gy = block->payoffs[size + n];
    if (gx >= x - SLACK && gy >= y - SLACK) {
        add_point(points, tags, gx, gy, (Tag){STATIC, k, -1});
        return true;
    }
    ptrdiff_t start = points->size;
    double nx = block->now[n], ny = block->now[size + n], delta = block->delta[0];
    double high, far;
    if (x <= chains->high[0] + SLACK && (high = value_at(&side[TOP], x)) >= y - SLACK) {
        double low = value_at(&side[BOTTOM], x);
        add_point(points, tags, nx + delta * x, ny + delta * high, (Tag){TOP, k, -1});
        Tag tag = {low > y ? BOTTOM : CORNER, k, -1};
        add_point(points, tags, nx + delta * x, ny + delta * (y > low ? y : low), tag);
    }
    if (y <= chains->high[1] + SLACK && (far = value_at(&side[RIGHT], y)) >= x - SLACK) {
        double near = value_at(&side[LEFT], y);
        add_point(points, tags, nx + delta * far, ny + delta * y, (Tag){RIGHT, k, -1});
        Tag tag = {near > x ? LEFT : CORNER, k, -1};
        add_point(points, tags, nx + delta * (x > near ? x : near), ny + delta * y, tag);
    }
    return points->size > start;
}

/* Replace vertices that are outcomes of leaving but for rounding. */
static void snap(Points vertices, Tag *tags, Points leaves)
{
    for (ptrdiff_t n = 0; n < leaves.size; n++) {
        double x = leaves.x[n], y = leaves.y[n];
        for (ptrdiff_t k = 0; k < vertices.size; k++) {
            if (fabs(vertices.x[k] - x) + fabs(vertices.y[k] - y) <= MERGE) {
                vertices.x[k] = x;
                vertices.y[k] = y;
                tags[k] = (Tag){LEAVE, -1, (long)n};
            }
        }
    }
}

/* Write the image's vertices, how each is generated, and which profiles can be played; false if there is no memory.
   There is room for all leaves and four times the profiles. */
bool image(const Block *block, Points polygon, const double threat[2], Points leaves, Points *vertices, Tag *tags,
           char *alive)
{
    size_t room = (size_t)(4 * block->size + leaves.size) + 1;
    double *memory = malloc(room * (2 * sizeof(double) + sizeof(Tag) + sizeof(ptrdiff_t)));
    Chains chains;
    if (!memory || !chains_of(polygon, &chains)) {
        free(memory);
        return false;
    }
    Points points = {0, memory, memory + room};
    ptrdiff_t *cycle = (ptrdiff_t *)(memory + 2 * room);
    Tag *made = (Tag *)(cycle + room);
    for (ptrdiff_t n = 0; n < leaves.size; n++) {
        add_point(&points, made, leaves.x[n], leaves.y[n], (Tag){LEAVE, -1, (long)n});
    }
    for (ptrdiff_t n = 0; n < block->size; n++) {
        double least[2];
        thresholds(block, n, threat, least);
        alive[n] = played(block, n, &chains, least[0], least[1], &points, made);
    }
    free(chains.memory);
    ptrdiff_t count = hull(points, MERGE, 0, cycle);
    vertices->size = count < 0 ? 0 : count;
    for (ptrdiff_t k = 0; k < count; k++) {
        vertices->x[k] = points.x[cycle[k]];
        vertices->y[k] = points.y[cycle[k]];
        tags[k] = made[cycle[k]];
    }
    free(memory);
    snap(*vertices, tags, leaves);
    return count >= 0;
}
