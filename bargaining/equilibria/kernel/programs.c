/* The best profile in each of many directions: the twin of `winners`, repeated/_monitored/programs.py, with another
   start of the simplex method.

   A multiplier that is nearly optimal is confined to an interval around it at first. Then the corners that are optimal
   for such multipliers are a feasible basis: violations and slack are worth the ends of the intervals. Intervals that
   bind are widened, and widening them keeps the basis. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ENTERS 1e-12 /* see programs.py */
#define MISSED 1e-11
#define PIVOT 1e-9
#define STILL 1e-13
enum { ROUNDS = 400 };
#define NARROW 1e-3 /* half an interval, as a share of the largest multiplier, and as a number */
#define WIDER 16.0  /* times as wide, where an interval binds */
#define WIDEST 1e6  /* an interval that still binds shows a knife edge */

/* A basis of one program, its inverse, and what the method keeps; S signals, K rows, m = S + K. Columns below S points
   are those of a signal and a point, by their places in the tree; then come the slacks and the violations. */
typedef struct {
    ptrdiff_t *columns, *corner; /* (m), (S) */
    double *inverse, *levels, *costs, *duals, *along, *column; /* (m, m) and (m) */
    double *low, *high; /* (K) */
    double *plain, *pulls, *worth; /* (S, n), (S, n) and (S) */
    double *work; /* (m, 2 m) */
} Basis;

static const double *weights_of(const Programs *programs, ptrdiff_t profile)
{
    return programs->weights + profile * programs->rows * programs->signals;
}

/* Return what a row weighs of a continuation. */
static double seen(const Programs *programs, ptrdiff_t row, const double *point)
{
    double out = 0.0;
    for (ptrdiff_t i = 0; i < programs->axes; i++) {
        out += programs->views[row * programs->axes + i] * point[i];
    }
    return out;
}

/* Write the directions in which the objective pulls the continuations after each signal. */
static void pull(const Programs *programs, ptrdiff_t profile, const double *multipliers, Basis *basis)
{
    ptrdiff_t signals = programs->signals, axes = programs->axes;
    memcpy(basis->pulls, basis->plain, (size_t)(signals * axes) * sizeof(double));
    for (ptrdiff_t k = 0; k < programs->rows; k++) {
        const double *weights = weights_of(programs, profile) + k * signals;
        const double *view = programs->views + k * axes;
        for (ptrdiff_t y = 0; y < signals && multipliers[k] != 0.0; y++) {
            for (ptrdiff_t i = 0; i < axes; i++) {
                basis->pulls[y * axes + i] -= multipliers[k] * weights[y] * view[i];
            }
        }
    }
}

/* Return what multipliers bound the profile's value by, once `worth` is what the pulls bring. */
static double bound(const Programs *programs, ptrdiff_t profile, const double *direction, const double *multipliers,
                    const Basis *basis)
{
    double out = 0.0;
    for (ptrdiff_t i = 0; i < programs->axes; i++) {
        out += programs->now[profile * programs->axes + i] * direction[i];
    }
    for (ptrdiff_t k = 0; k < programs->rows; k++) {
        out += multipliers[k] * programs->limits[profile * programs->rows + k];
    }
    for (ptrdiff_t y = 0; y < programs->signals; y++) {
        out += basis->worth[y];
    }
    return out;
}

/* Find the farthest points in the directions of the pulls. */
static void farthest(const Programs *programs, Basis *basis)
{
    ptrdiff_t axes = programs->axes, signals = programs->signals;
    for (ptrdiff_t y = 0; y < signals; y++) {
        const double *pulls = basis->pulls + y * axes, *point = points_of(programs->tree) + basis->corner[y] * axes;
        double worth = 0.0;
        for (ptrdiff_t i = 0; i < axes; i++) {
            worth += pulls[i] * point[i];
        }
        look_farther(programs->tree, pulls, -1, &basis->corner[y], &worth);
        basis->worth[y] = worth;
    }
}

/* Write a column. */
static void column(const Programs *programs, ptrdiff_t profile, ptrdiff_t id, double *out)
{
    ptrdiff_t signals = programs->signals, rows = programs->rows, real = signals * programs->points;
    memset(out, 0, (size_t)(signals + rows) * sizeof(double));
    if (id >= real) {
        out[signals + (id - real) % rows] = id < real + rows ? 1.0 : -1.0;
        return;
    }
    ptrdiff_t y = id / programs->points;
    const double *point = points_of(programs->tree) + id % programs->points * programs->axes;
    out[y] = 1.0;
    for (ptrdiff_t k = 0; k < rows; k++) {
        out[signals + k] = weights_of(programs, profile)[k * signals + y] * seen(programs, k, point);
    }
}

/* Return the value of a column. */
static double value(const Programs *programs, ptrdiff_t id, const Basis *basis)
{
    ptrdiff_t rows = programs->rows, real = programs->signals * programs->points;
    if (id >= real + rows) {
        return -basis->high[id - real - rows];
    }
    if (id >= real) {
        return basis->low[id - real];
    }
    const double *point = points_of(programs->tree) + id % programs->points * programs->axes;
    const double *plain = basis->plain + id / programs->points * programs->axes;
    double out = 0.0;
    for (ptrdiff_t i = 0; i < programs->axes; i++) {
        out += plain[i] * point[i];
    }
    return out;
}

/* Write the duals of the basis: those of the signals, then the multipliers. */
static void price(const Programs *programs, Basis *basis)
{
    ptrdiff_t m = programs->signals + programs->rows;
    memset(basis->duals, 0, (size_t)m * sizeof(double));
    for (ptrdiff_t j = 0; j < m; j++) {
        for (ptrdiff_t i = 0; i < m && basis->costs[j] != 0.0; i++) {
            basis->duals[i] += basis->costs[j] * basis->inverse[j * m + i];
        }
    }
}

/* Compute the inverse and the levels from the basis; false if it is singular. */
static bool refactor(const Programs *programs, ptrdiff_t profile, Basis *basis)
{
    ptrdiff_t m = programs->signals + programs->rows, wide = 2 * m;
    for (ptrdiff_t j = 0; j < m; j++) { /* columns of the basis, next to the identity */
        column(programs, profile, basis->columns[j], basis->column);
        for (ptrdiff_t i = 0; i < m; i++) {
            basis->work[i * wide + j] = basis->column[i];
            basis->work[i * wide + m + j] = i == j;
        }
    }
    for (ptrdiff_t j = 0; j < m; j++) {
        ptrdiff_t best = j;
        for (ptrdiff_t i = j + 1; i < m; i++) {
            best = fabs(basis->work[i * wide + j]) > fabs(basis->work[best * wide + j]) ? i : best;
        }
        double size = basis->work[best * wide + j];
        if (!(fabs(size) > DBL_EPSILON)) {
            return false;
        }
        for (ptrdiff_t k = j; k < wide; k++) {
            double moved = basis->work[best * wide + k] / size;
            basis->work[best * wide + k] = basis->work[j * wide + k];
            basis->work[j * wide + k] = moved;
        }
        for (ptrdiff_t i = 0; i < m; i++) {
            double factor = basis->work[i * wide + j];
            for (ptrdiff_t k = j; k < wide && i != j && factor != 0.0; k++) {
                basis->work[i * wide + k] -= factor * basis->work[j * wide + k];
            }
        }
    }
    for (ptrdiff_t j = 0; j < m; j++) {
        memcpy(basis->inverse + j * m, basis->work + j * wide + m, (size_t)m * sizeof(double));
        basis->levels[j] = 0.0;
        for (ptrdiff_t i = 0; i < m; i++) {
            bool chance = i < programs->signals; /* the weights after a signal add up to one */
            double right = chance ? 1.0 : programs->limits[profile * programs->rows + i - programs->signals];
            basis->levels[j] += basis->inverse[j * m + i] * right;
        }
    }
    return true;
}

/* Exchange a column of the basis for one that enters. If `feasible`, violations stay at zero: such a column leaves
   first, whatever its sign. False if nothing can leave. */
static bool pivot(const Programs *programs, ptrdiff_t profile, ptrdiff_t id, bool feasible, Basis *basis)
{
    ptrdiff_t m = programs->signals + programs->rows, leaving = -1;
    ptrdiff_t missing = programs->signals * programs->points + programs->rows;
    double least = INFINITY;
    column(programs, profile, id, basis->column);
    for (ptrdiff_t j = 0; j < m; j++) {
        double along = 0.0;
        for (ptrdiff_t i = 0; i < m; i++) {
            along += basis->inverse[j * m + i] * basis->column[i];
        }
        basis->along[j] = along;
    }
    for (int turn = 0; turn < 2; turn++) { /* the least ratio, then the largest of the entries that tie */
        for (ptrdiff_t j = 0; j < m; j++) {
            bool held = feasible && basis->columns[j] >= missing;
            double size = basis->along[j], level = held ? 0.0 : fmax(basis->levels[j], 0.0);
            if (size > PIVOT || (held && -size > PIVOT)) {
                double ratio = level / fabs(size);
                if (!turn) {
                    least = ratio < least ? ratio : least;
                } else if (ratio <= least * (1.0 + 1e-10) + 1e-15 &&
                           (leaving < 0 || fabs(size) > fabs(basis->along[leaving]))) {
                    leaving = j;
                }
            }
        }
        if (!isfinite(least)) {
            return false;
        }
    }
    double *row = basis->inverse + leaving * m, size = basis->along[leaving];
    for (ptrdiff_t i = 0; i < m; i++) {
        row[i] /= size;
    }
    for (ptrdiff_t j = 0; j < m; j++) {
        if (j != leaving) {
            for (ptrdiff_t i = 0; i < m; i++) {
                basis->inverse[j * m + i] -= basis->along[j] * row[i];
            }
            basis->levels[j] -= least * basis->along[j];
        }
    }
    basis->levels[leaving] = least;
    basis->columns[leaving] = id;
    basis->costs[leaving] = value(programs, id, basis);
    return true;
}

/* Pivot until no column enters; false if the method stops before. */
static bool run(const Programs *programs, ptrdiff_t profile, bool feasible, Basis *basis)
{
    ptrdiff_t signals = programs->signals, rows = programs->rows, real = signals * programs->points;
    for (ptrdiff_t round = 0; round < ROUNDS; round++) {
        price(programs, basis);
        pull(programs, profile, basis->duals + signals, basis);
        farthest(programs, basis);
        ptrdiff_t best = -1;
        double gain = ENTERS;
        for (ptrdiff_t y = 0; y < signals; y++) {
            if (basis->worth[y] - basis->duals[y] > gain) {
                gain = basis->worth[y] - basis->duals[y];
                best = y * programs->points + basis->corner[y];
            }
        }
        for (ptrdiff_t k = 0; k < rows; k++) {
            double multiplier = basis->duals[signals + k];
            if (basis->low[k] - multiplier > gain) {
                gain = basis->low[k] - multiplier;
                best = real + k;
            }
            if (!feasible && multiplier - basis->high[k] > gain) {
                gain = multiplier - basis->high[k];
                best = real + rows + k;
            }
        }
        for (ptrdiff_t j = 0; j < signals + rows; j++) { /* a gain of what is in the basis is rounding */
            best = basis->columns[j] == best ? -1 : best;
        }
        if (best < 0) {
            return true;
        }
        if (!pivot(programs, profile, best, feasible, basis)) {
            return false;
        }
    }
    return false;
}

/* Start at the corners that were found for some multipliers, which are confined to intervals. */
static void begin(const Programs *programs, ptrdiff_t profile, const double *multipliers, Basis *basis)
{
    ptrdiff_t signals = programs->signals, rows = programs->rows, real = signals * programs->points, m = signals + rows;
    double largest = 0.0;
    for (ptrdiff_t k = 0; k < rows; k++) {
        largest = fmax(largest, multipliers[k]);
    }
    memset(basis->inverse, 0, (size_t)(m * m) * sizeof(double));
    for (ptrdiff_t y = 0; y < signals; y++) {
        basis->columns[y] = y * programs->points + basis->corner[y];
        basis->inverse[y * m + y] = basis->levels[y] = 1.0;
        basis->costs[y] = value(programs, basis->columns[y], basis);
    }
    for (ptrdiff_t k = 0; k < rows; k++) {
        double left = programs->limits[profile * rows + k], half = NARROW * fmax(largest, 1.0);
        double *row = basis->inverse + (signals + k) * m;
        for (ptrdiff_t y = 0; y < signals; y++) {
            const double *point = points_of(programs->tree) + basis->corner[y] * programs->axes;
            row[y] = -weights_of(programs, profile)[k * signals + y] * seen(programs, k, point);
            left += row[y];
        }
        for (ptrdiff_t y = 0; y < signals && left < 0.0; y++) {
            row[y] = -row[y];
        }
        row[signals + k] = left < 0.0 ? -1.0 : 1.0;
        basis->low[k] = fmax(multipliers[k] - half, 0.0);
        basis->high[k] = multipliers[k] + half;
        basis->levels[signals + k] = fabs(left);
        basis->columns[signals + k] = real + k + (left < 0.0 ? rows : 0);
        basis->costs[signals + k] = value(programs, basis->columns[signals + k], basis);
    }
}

/* Widen the intervals that bind; -1 if one is too wide, 0 if none binds. */
static int widened(const Programs *programs, Basis *basis)
{
    ptrdiff_t signals = programs->signals, rows = programs->rows, real = signals * programs->points;
    int out = 0;
    for (ptrdiff_t j = 0; j < signals + rows; j++) {
        ptrdiff_t k = basis->columns[j] - real;
        if (k < 0 || !(basis->levels[j] > STILL)) {
            continue;
        }
        if (k < rows ? basis->low[k] > 0.0 : true) {
            k %= rows;
            double half = WIDER * (basis->high[k] - basis->low[k]);
            if (!(half <= WIDEST)) {
                return -1;
            }
            if (basis->columns[j] < real + rows) {
                basis->low[k] = fmax(basis->low[k] - half, 0.0);
            } else {
                basis->high[k] += half;
            }
            out = 1;
        }
    }
    for (ptrdiff_t j = 0; j < signals + rows && out; j++) {
        basis->costs[j] = value(programs, basis->columns[j], basis);
    }
    return out;
}

/* Find the best continuations of a profile, beginning with multipliers and the corners that these want, or with a
   feasible basis. False if the method does not end. */
static bool optimise(const Programs *programs, ptrdiff_t profile, const double *multipliers, Basis *basis)
{
    ptrdiff_t signals = programs->signals, rows = programs->rows, m = signals + rows;
    begin(programs, profile, multipliers, basis);
    int wide = 1;
    while (wide > 0) {
        wide = run(programs, profile, false, basis) ? widened(programs, basis) : -1;
    }
    if (wide == 0 && refactor(programs, profile, basis)) {
        double least = 0.0;
        for (ptrdiff_t j = 0; j < m; j++) {
            least = fmin(least, basis->levels[j]);
        }
        if (least > -MISSED) {
            return true;
        }
    }
    memcpy(basis->columns, programs->feasible + profile * m, (size_t)m * sizeof(ptrdiff_t));
    memset(basis->low, 0, (size_t)rows * sizeof(double));
    memset(basis->high, 0, (size_t)rows * sizeof(double));
    if (!refactor(programs, profile, basis)) {
        return false;
    }
    for (ptrdiff_t j = 0; j < m; j++) {
        basis->costs[j] = value(programs, basis->columns[j], basis);
    }
    return run(programs, profile, true, basis) && refactor(programs, profile, basis);
}

/* Return how far the present continuations reach in a direction. */
static double reached(const Programs *programs, ptrdiff_t profile, const double *direction, const Basis *basis)
{
    ptrdiff_t signals = programs->signals, axes = programs->axes, m = signals + programs->rows;
    ptrdiff_t real = signals * programs->points;
    double out = 0.0;
    for (ptrdiff_t i = 0; i < axes; i++) {
        out += programs->now[profile * axes + i] * direction[i];
    }
    for (ptrdiff_t y = 0; y < signals; y++) {
        double total = 0.0, later = 0.0;
        for (ptrdiff_t j = 0; j < m; j++) {
            ptrdiff_t id = basis->columns[j];
            if (id < real && id / programs->points == y) {
                double level = fmax(basis->levels[j], 0.0);
                total += level;
                later += level * value(programs, id, basis);
            }
        }
        out += later / total;
    }
    return out;
}

/* Make room for everything that depends on the numbers of signals, rows and players; NULL if there is no memory. */
static double *room(const Programs *programs, Basis *basis)
{
    ptrdiff_t signals = programs->signals, rows = programs->rows, axes = programs->axes, m = signals + rows;
    ptrdiff_t *whole = malloc((size_t)(m + signals) * sizeof *whole);
    double *next = malloc((size_t)(3 * m * m + 5 * m + 2 * rows + 2 * signals * axes + signals) * sizeof *next);
    double *start = next;
    basis->columns = whole;
    if (!whole || !next) {
        free(next);
        return NULL;
    }
    basis->corner = whole + m;
    struct {
        double **array;
        ptrdiff_t size;
    } const arrays[] = {
        {&basis->inverse, m * m},         {&basis->work, 2 * m * m}, {&basis->levels, m}, {&basis->costs, m},
        {&basis->duals, m},               {&basis->along, m},        {&basis->column, m}, {&basis->low, rows},
        {&basis->high, rows},             {&basis->plain, signals * axes},
        {&basis->pulls, signals * axes},  {&basis->worth, signals},
    };
    for (size_t n = 0; n < sizeof arrays / sizeof *arrays; n++) {
        *arrays[n].array = next;
        next += arrays[n].size;
    }
    return start;
}

/* Write the plain pulls of a profile: what its continuations are worth in a direction. */
static void turn(const Programs *programs, ptrdiff_t profile, const double *direction, Basis *basis)
{
    for (ptrdiff_t y = 0; y < programs->signals; y++) {
        for (ptrdiff_t i = 0; i < programs->axes; i++) {
            basis->plain[y * programs->axes + i] =
                programs->chances[profile * programs->signals + y] * programs->discounts[i] * direction[i];
        }
    }
}

/* What is known of a profile from the last direction in which it was looked at: the direction, a bound, and which
   points were the farthest; what it can give at most in the present one, and whether it has been looked at there. */
typedef struct {
    double *direction, bound, most;
    ptrdiff_t *corner;
    bool looked;
} Last;

/* Return what a profile can give at most: no payoff lies farther from the middle of the unit box than its corners. */
static double most(const Programs *programs, const double *direction, const Last *last)
{
    double square = 0.0, shift = 0.0;
    for (ptrdiff_t i = 0; i < programs->axes; i++) {
        double by = direction[i] - last->direction[i];
        square += by * by;
        shift += by / 2.0;
    }
    return last->bound + shift + sqrt(square * (double)programs->axes) / 2.0;
}

/* Find the best profile in one direction, number f, from the one with the highest bound down until no other is higher;
   see `winners`. Return how many programs were solved; -1 if one was not. */
static ptrdiff_t winner(const Programs *programs, ptrdiff_t f, Winners *found, Last *lasts, Basis *basis)
{
    ptrdiff_t signals = programs->signals, rows = programs->rows, axes = programs->axes, m = signals + rows, solved = 0;
    const double *direction = found->directions + f * axes, floor = found->values[f];
    for (ptrdiff_t p = 0; p < programs->profiles; p++) {
        lasts[p].looked = false;
        lasts[p].most = found->thorough ? INFINITY : most(programs, direction, lasts + p);
        lasts[p].most = programs->playable[p] ? lasts[p].most : -INFINITY;
    }
    for (;;) {
        ptrdiff_t p = 0;
        for (ptrdiff_t other = 1; other < programs->profiles; other++) {
            p = lasts[other].most > lasts[p].most ? other : p;
        }
        Last *last = lasts + p;
        if (!(last->most > (found->at_once ? floor : found->values[f]) + STILL)) {
            return solved;
        }
        double *multipliers = found->known + (p * found->size + f) * rows;
        turn(programs, p, direction, basis);
        memcpy(basis->corner, last->corner, (size_t)signals * sizeof(ptrdiff_t));
        if (!last->looked) {
            pull(programs, p, multipliers, basis);
            farthest(programs, basis);
            memcpy(last->corner, basis->corner, (size_t)signals * sizeof(ptrdiff_t));
            memcpy(last->direction, direction, (size_t)axes * sizeof(double));
            last->bound = last->most = bound(programs, p, direction, multipliers, basis);
            last->looked = true;
        } else {
            if (!optimise(programs, p, multipliers, basis)) {
                return -1;
            }
            solved++;
            for (ptrdiff_t k = 0; k < rows; k++) {
                basis->duals[signals + k] = fmax(basis->duals[signals + k], 0.0);
            }
            double lower = bound(programs, p, direction, basis->duals + signals, basis);
            if (lower <= last->bound) {
                memcpy(multipliers, basis->duals + signals, (size_t)rows * sizeof(double));
                last->bound = lower;
            }
            last->most = -INFINITY;
            double far = reached(programs, p, direction, basis);
            if (far > found->values[f]) {
                found->values[f] = far;
                found->owners[f] = p;
                memcpy(found->multipliers + f * rows, basis->duals + signals, (size_t)rows * sizeof(double));
                memcpy(found->columns + f * m, basis->columns, (size_t)m * sizeof(ptrdiff_t));
                memcpy(found->levels + f * m, basis->levels, (size_t)m * sizeof(double));
            }
        }
    }
}

/* A direction, and the place of the point that is the farthest in it: neighbours have similar programs. */
typedef struct {
    ptrdiff_t place, number;
} Turn;

static int before(const void *one, const void *other)
{
    ptrdiff_t first = ((const Turn *)one)->place, second = ((const Turn *)other)->place;
    return (first > second) - (first < second);
}

/* Rename the points of columns. */
static void rename(const Programs *programs, ptrdiff_t *columns, ptrdiff_t size, const ptrdiff_t *to)
{
    for (ptrdiff_t k = 0; k < size; k++) {
        if (columns[k] < programs->signals * programs->points) {
            columns[k] += to[columns[k] % programs->points] - columns[k] % programs->points;
        }
    }
}

/* Find the best profile in each direction. Return how many programs were solved; UNDECIDED if one was not. */
ptrdiff_t winners(const Programs *given, Winners *found)
{
    Programs own = *given, *programs = &own;
    ptrdiff_t profiles = programs->profiles, signals = programs->signals, axes = programs->axes;
    ptrdiff_t m = signals + programs->rows;
    const ptrdiff_t *order = order_of(programs->tree);
    ptrdiff_t solved = 0, whole = programs->points + profiles * (m + signals);
    Basis basis = {0};
    double *arrays = room(programs, &basis), *directions = calloc((size_t)(profiles * axes), sizeof *directions);
    Last *lasts = calloc((size_t)profiles, sizeof *lasts);
    Turn *turns = malloc((size_t)(found->size + 1) * sizeof *turns);
    ptrdiff_t *places = calloc((size_t)whole, sizeof *places), *feasible = places + programs->points;
    if (!arrays || !directions || !lasts || !turns || !places) {
        solved = NO_MEMORY;
        goto done;
    }
    for (ptrdiff_t k = 0; k < programs->points; k++) {
        places[order[k]] = k;
    }
    memcpy(feasible, given->feasible, (size_t)(profiles * m) * sizeof *feasible);
    rename(programs, feasible, profiles * m, places);
    programs->feasible = feasible;
    for (ptrdiff_t p = 0; p < profiles; p++) {
        lasts[p] = (Last){directions + p * axes, INFINITY, 0.0, feasible + profiles * m + p * signals, false};
    }
    for (ptrdiff_t f = 0; f < found->size; f++) {
        double value = -INFINITY;
        turns[f] = (Turn){0, f};
        look_farther(programs->tree, found->directions + f * axes, -1, &turns[f].place, &value);
    }
    qsort(turns, (size_t)found->size, sizeof *turns, before);
    for (ptrdiff_t n = 0; n < found->size; n++) {
        ptrdiff_t more = winner(programs, turns[n].number, found, lasts, &basis);
        if (more < 0) {
            solved = UNDECIDED;
            goto done;
        }
        solved += more;
    }
    rename(programs, found->columns, found->size * m, order);
done:
    free(basis.columns);
    free(arrays);
    free(directions);
    free(lasts);
    free(turns);
    free(places);
    return solved;
}
