/* The search for the largest fixed point between two equally patient players with few profiles: the twin of
   repeated/_search/fixed_point.py, as far as its first steps go. */

#include "kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAME 4e-15
#define SOLVED 1e-13
#define FAST 0.5

/* At most so many steps; after how many proofs use the faces of the outer set too, and after how many a candidate is
   sought and judged only in every RARE-th. */
enum { STEPS = 400, SHAPED = 3, EAGER = 8, RARE = 4 };

/* A polygon, and how each of its vertices is generated. */
typedef struct {
    double x[ROOM], y[ROOM];
    Tag tags[ROOM];
    ptrdiff_t size;
} Shape;

typedef struct {
    Room *room;
    const Block *root;                                  /* every profile */
    Block block;                                        /* those that can still be played, in the arrays below */
    double payoffs[2 * MOST_PROFILES], best[2 * MOST_PROFILES], now[2 * MOST_PROFILES], gain[2 * MOST_PROFILES];
    double floor[2 * MOST_PROFILES];
    ptrdiff_t index[MOST_PROFILES];
    Points leaves;
    double own[2], least[2], bound;
    Shape outer, found;
    bool fixed; /* whether `found` is a set that generates itself */
    ptrdiff_t iterations, solves, ended;
    Found *out;
} Search;

static Points points_in(Shape *shape)
{
    return (Points){shape->size, shape->x, shape->y};
}

/* The largest distance between matching vertices; infinity if there are not equally many. */
static double apart(const Shape *one, const Shape *other)
{
    ptrdiff_t n = one->size, shift = 0;
    double nearest = INFINITY, far = 0.0;
    if (n != other->size || !n) {
        return n == other->size ? 0.0 : INFINITY;
    }
    for (ptrdiff_t k = 0; k < n; k++) {
        double off = fabs(one->x[0] - other->x[k]) + fabs(one->y[0] - other->y[k]);
        if (off < nearest) {
            nearest = off;
            shift = k;
        }
    }
    for (ptrdiff_t k = 0; k < n; k++) {
        ptrdiff_t l = (k + shift) % n;
        far = fmax(far, fmax(fabs(one->x[k] - other->x[l]), fabs(one->y[k] - other->y[l])));
    }
    return far;
}

/* How far a point lies from a point or a segment. */
static double off(double x, double y, const Shape *thin)
{
    double nearest = INFINITY;
    for (ptrdiff_t k = 0; k < thin->size; k++) {
        ptrdiff_t next = k + 1 < thin->size ? k + 1 : 0;
        double ex = thin->x[next] - thin->x[k], ey = thin->y[next] - thin->y[k];
        double tx = x - thin->x[k], ty = y - thin->y[k], square = ex * ex + ey * ey;
        double share = (ex * tx + ey * ty) / (square > 0.0 ? square : 1.0);
        share = share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share;
        nearest = fmin(nearest, hypot(tx - share * ex, ty - share * ey));
    }
    return nearest;
}

/* Whether each vertex comes from its profile with a continuation in the polygon that meets the constraints. */
static bool generates(const Block *block, Shape *shape, const double bound[2])
{
    double low[2], a[ROOM], b[ROOM], c[ROOM];
    ptrdiff_t size = block->size, sides = shape->size > 2 ? shape->size : 0;
    lowest(points_in(shape), low);
    for (int i = 0; i < 2; i++) {
        low[i] = bound[i] > low[i] ? bound[i] : low[i];
    }
    for (ptrdiff_t k = 0; k < sides; k++) {
        ptrdiff_t next = k + 1 < sides ? k + 1 : 0;
        double dx = shape->x[next] - shape->x[k], dy = shape->y[next] - shape->y[k], length = sqrt(dx * dx + dy * dy);
        a[k] = (shape->y[k] - shape->y[next]) / length;
        b[k] = dx / length;
        c[k] = a[k] * shape->x[k] + b[k] * shape->y[k] - 2 * SLACK;
    }
    for (ptrdiff_t n = 0; n < shape->size; n++) {
        ptrdiff_t k = shape->tags[n].profile;
        if (shape->tags[n].kind == LEAVE) {
            continue;
        }
        double least[2], u = (shape->x[n] - block->now[k]) / block->delta[0];
        double v = (shape->y[n] - block->now[size + k]) / block->delta[1];
        thresholds(block, k, low, least);
        if (u < least[0] - 2 * SLACK || v < least[1] - 2 * SLACK) {
            return false;
        }
        if (!sides && off(u, v, shape) > 2 * SLACK) {
            return false;
        }
        for (ptrdiff_t j = 0; j < sides && shape->tags[n].kind != STATIC; j++) {
            if (a[j] * u + b[j] * v < c[j]) {
                return false;
            }
        }
    }
    return true;
}

/* Keep the lower bound of the threat: nobody is held below her best reply to some live profile. */
static void bound_threat(Search *search)
{
    for (int i = 0; i < 2; i++) {
        double least = INFINITY;
        const double *best = search->block.best + i * search->block.size, *ends = i ? search->leaves.y : search->leaves.x;
        for (ptrdiff_t k = 0; k < search->block.size; k++) {
            least = best[k] < least ? best[k] : least;
        }
        least = search->own[i] > least ? search->own[i] : least;
        for (ptrdiff_t k = 0; k < search->leaves.size; k++) {
            least = ends[k] < least ? ends[k] : least;
        }
        search->least[i] = least;
    }
}

/* Keep some of the live profiles. */
static void keep(Search *search, const char *alive)
{
    Block *block = &search->block;
    double *arrays[] = {search->payoffs, search->best, search->now, search->gain, search->floor};
    ptrdiff_t count = 0, size = block->size;
    for (ptrdiff_t k = 0; k < size; k++) {
        if (alive[k]) {
            search->index[count++] = search->index[k];
        }
    }
    for (int n = 0; n < (block->floor ? 5 : 4); n++) {
        ptrdiff_t to = 0;
        for (ptrdiff_t k = 0; k < 2 * size; k++) { /* the second row moves up behind the first */
            if (alive[k < size ? k : k - size]) {
                arrays[n][to++] = arrays[n][k];
            }
        }
    }
    block->size = count;
}

/* Apply the operator with the live profiles; false without memory. */
static bool apply(Search *search, Shape *polygon, Shape *out, char *alive)
{
    double low[2], threat[2];
    Points vertices = {0, out->x, out->y};
    lowest(points_in(polygon), low);
    for (int i = 0; i < 2; i++) {
        threat[i] = low[i] > search->least[i] ? low[i] : search->least[i];
    }
    bool done = image(&search->block, points_in(polygon), threat, search->leaves, &vertices, out->tags, alive);
    out->size = vertices.size;
    return done;
}

static void stop(Search *search, const Shape *shape, double bound, ptrdiff_t ended)
{
    if (shape->size > MOST_VERTICES) {
        search->ended = PYTHON;
        return;
    }
    search->out->size = shape->size;
    memcpy(search->out->x, shape->x, (size_t)shape->size * sizeof(double));
    memcpy(search->out->y, shape->y, (size_t)shape->size * sizeof(double));
    memcpy(search->out->tags, shape->tags, (size_t)shape->size * sizeof(Tag));
    search->out->bound = bound;
    search->ended = ended;
}

/* Judge a candidate, and end if it is proved, or if Python has to judge it. */
static Verdict judged(Search *search, Shape *shape)
{
    double excess = 0.0;
    if (apart(&search->outer, shape) <= SOLVED) {
        stop(search, shape, SOLVED, ITSELF);
        return PROVED;
    }
    Verdict found = verdict(search->room, &search->block, points_in(shape), points_in(&search->outer), search->least,
                            search->leaves, search->iterations > SHAPED, &excess);
    if (found == PROVED) {
        stop(search, shape, excess, LARGEST);
    } else if (found == LATER) {
        search->ended = PYTHON;
    }
    return found;
}

enum { SEARCHING = -1 };

/* Alternate Newton on the structure with one application, until a set is a fixed point; judge it. */
static void solve_structure(Search *search, ptrdiff_t rounds)
{
    Shape trial = search->outer, next;
    char alive[MOST_PROFILES];
    for (ptrdiff_t n = 0; n < rounds; n++) {
        Points polygon = points_in(&trial);
        search->solves++;
        Answer answer = newton(search->root, &polygon, trial.tags, search->least);
        trial.size = polygon.size;
        if (answer == NO) {
            return;
        }
        if (answer != YES) {
            search->ended = PYTHON;
            return;
        }
        if (search->fixed && apart(&trial, &search->found) <= SOLVED) {
            return;
        }
        if (generates(search->root, &trial, search->least)) {
            Verdict found = judged(search, &trial);
            if (found == FIXED || found == PROVED) {
                search->found = trial;
                search->fixed = true;
            }
            if (found != UNFIXED) {
                return;
            }
        }
        if (!apply(search, &trial, &next, alive)) {
            search->ended = PYTHON;
            return;
        }
        if (!next.size) {
            return;
        }
        if (apart(&next, &trial) <= SOLVED) {
            search->found = next;
            search->fixed = true;
            judged(search, &next);
            return;
        }
        trial = next;
    }
}

static void step(Search *search)
{
    Shape after;
    char alive[MOST_PROFILES];
    bool died = false;
    if (!apply(search, &search->outer, &after, alive)) {
        search->ended = PYTHON;
        return;
    }
    search->iterations++;
    for (ptrdiff_t k = 0; k < search->block.size; k++) {
        died = died || !alive[k];
    }
    if (died) {
        keep(search, alive);
        bound_threat(search);
    }
    if (!after.size) {
        stop(search, &after, 0.0, NOTHING);
        return;
    }
    if (!died && apart(&after, &search->outer) <= SAME) {
        stop(search, &after, 0.0, ITSELF);
        return;
    }
    search->outer = after;
    if (search->iterations > EAGER && search->iterations % RARE) {
        return;
    }
    if (search->fixed && (judged(search, &search->found) == PROVED || search->ended != SEARCHING)) {
        return;
    }
    bool fewer = search->block.size < search->root->size;
    if (!(fewer && search->iterations == 1 && search->block.delta[0] < FAST)) {
        ptrdiff_t rounds = 1 + search->iterations;
        solve_structure(search, rounds < 12 ? rounds : 12);
    }
}

/* Start from the hull of all stage payoffs and what leaving pays. */
static bool start(Search *search)
{
    const Block *root = search->root;
    double memory[2][ROOM];
    ptrdiff_t cycle[ROOM];
    Points points = {root->size + search->leaves.size, memory[0], memory[1]};
    memcpy(points.x, root->payoffs, (size_t)root->size * sizeof(double));
    memcpy(points.y, root->payoffs + root->size, (size_t)root->size * sizeof(double));
    for (ptrdiff_t k = 0; k < search->leaves.size; k++) {
        points.x[root->size + k] = search->leaves.x[k];
        points.y[root->size + k] = search->leaves.y[k];
    }
    search->outer.size = hull(points, MERGE, 0, cycle);
    for (ptrdiff_t k = 0; k < search->outer.size; k++) {
        search->outer.x[k] = points.x[cycle[k]];
        search->outer.y[k] = points.y[cycle[k]];
    }
    return search->outer.size > 0;
}

/* Search for the payoff set of a block of at most `MOST_PROFILES` profiles, one outcome of leaving at most among them;
   `out->ended` says how that ended. */
void search(Room *room, const Block *root, Points leaves, const double own[2], Found *out)
{
    ptrdiff_t size = root->size;
    Search *state = size <= MOST_PROFILES && leaves.size <= 1 ? calloc(1, sizeof *state) : NULL;
    *out = (Found){.ended = PYTHON};
    if (!state) {
        return;
    }
    size_t bytes = (size_t)(2 * size) * sizeof(double);
    memcpy(state->payoffs, root->payoffs, bytes);
    memcpy(state->best, root->best, bytes);
    memcpy(state->now, root->now, bytes);
    memcpy(state->gain, root->gain, bytes);
    if (root->floor) {
        memcpy(state->floor, root->floor, bytes);
    }
    memcpy(state->index, root->index, (size_t)size * sizeof(ptrdiff_t));
    state->room = room;
    state->root = root;
    state->block = (Block){
        size,        state->payoffs, state->best, state->now, state->gain, root->floor ? state->floor : NULL,
        state->index, {root->delta[0], root->delta[1]},
    };
    state->leaves = leaves;
    state->own[0] = own[0];
    state->own[1] = own[1];
    state->out = out;
    state->ended = SEARCHING;
    bound_threat(state);
    if (start(state)) {
        while (state->ended == SEARCHING && state->iterations < STEPS) {
            step(state);
        }
        out->ended = state->ended == SEARCHING ? PYTHON : state->ended;
        out->iterations = state->iterations;
        out->solves = state->solves;
    }
    free(state);
}
