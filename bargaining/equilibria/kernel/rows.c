/* One application of the operator of a stochastic game: what `apply` does, _plane/operator.py, row by row. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HALF 1.5707963267948966
#define TURN 6.283185307179586

enum { CROWD = 100 }; /* payoffs at which constraints bind from which on those that others surround are left out */

/* The edges of all polygons by angle, where each polygon's boundary starts, the four sides of every weighted sum as
   positions along its boundary, and the boundary of one sum; see `Fan` in _plane/minkowski.py. */
typedef struct {
    ptrdiff_t size, length[4], *owner, *walk[4];
    const double *law; /* of the sum */
    double *angle, *dx, *dy, *start, *x, *y, low[2], high[2];
} Fan;

/* The angle of the edge that follows a vertex, from -90 degrees (excluded) on. */
static double turned(Points polygon, ptrdiff_t k, double *dx, double *dy)
{
    ptrdiff_t next = k + 1 < polygon.size ? k + 1 : 0;
    *dx = polygon.x[next] - polygon.x[k];
    *dy = polygon.y[next] - polygon.y[k];
    double angle = atan2(*dy, *dx);
    return angle > -HALF ? angle : angle + TURN;
}

/* How many edges have a smaller angle, or one that is no larger. */
static ptrdiff_t up_to(const Fan *fan, double angle, bool equal)
{
    ptrdiff_t k = 0;
    while (k < fan->size && (fan->angle[k] < angle || (equal && fan->angle[k] == angle))) {
        k++;
    }
    return k;
}

/* Lay the positions from `first` to `last`, and some from the start on, into a side whose arguments grow. */
static void side(Fan *fan, int kind, ptrdiff_t first, ptrdiff_t last, ptrdiff_t more)
{
    ptrdiff_t size = fan->length[kind] = last - first + 1 + more;
    for (ptrdiff_t k = 0; k < size; k++) {
        ptrdiff_t position = first + k <= last ? first + k : first + k - last - 1;
        fan->walk[kind][kind == TOP || kind == LEFT ? size - 1 - k : k] = position;
    }
}

/* Merge the edges of the polygons, each of which has its own in order from some vertex on. */
static bool fan_of(const Points *polygons, ptrdiff_t states, Fan *fan)
{
    ptrdiff_t room = 1;
    for (ptrdiff_t s = 0; s < states; s++) {
        room += polygons[s].size;
    }
    fan->angle = malloc((size_t)(5 * room + 5 * states) * sizeof(double));
    fan->owner = malloc((size_t)(5 * room + 2 * states) * sizeof(ptrdiff_t));
    if (!fan->angle || !fan->owner) {
        return false;
    }
    fan->dx = fan->angle + room;
    fan->dy = fan->dx + room;
    fan->x = fan->dy + room;
    fan->y = fan->x + room;
    fan->start = fan->y + room;
    double *ahead = fan->start + 2 * states, (*step)[2] = (double(*)[2])(ahead + states);
    ptrdiff_t *at = fan->owner + 5 * room, *left = at + states;
    for (int kind = 0; kind < 4; kind++) {
        fan->walk[kind] = fan->owner + (1 + kind) * room;
    }
    for (ptrdiff_t s = 0; s < states; s++) {
        Points polygon = polygons[s];
        at[s] = 0;
        left[s] = polygon.size > 1 ? polygon.size : 0;
        ahead[s] = left[s] ? turned(polygon, 0, &step[s][0], &step[s][1]) : 0.0;
        for (ptrdiff_t k = 1; k < left[s]; k++) {
            double dx, dy, angle = turned(polygon, k, &dx, &dy);
            if (angle < ahead[s]) {
                at[s] = k;
                ahead[s] = angle;
                step[s][0] = dx;
                step[s][1] = dy;
            }
        }
        fan->start[2 * s] = polygon.size ? polygon.x[at[s]] : 0.0;
        fan->start[2 * s + 1] = polygon.size ? polygon.y[at[s]] : 0.0;
    }
    for (fan->size = 0;; fan->size++) {
        ptrdiff_t next = -1;
        for (ptrdiff_t s = 0; s < states; s++) {
            if (left[s] && (next < 0 || ahead[s] < ahead[next])) {
                next = s;
            }
        }
        if (next < 0) {
            break;
        }
        fan->angle[fan->size] = ahead[next];
        fan->dx[fan->size] = step[next][0];
        fan->dy[fan->size] = step[next][1];
        fan->owner[fan->size] = next;
        at[next] = at[next] + 1 < polygons[next].size ? at[next] + 1 : 0;
        left[next]--;
        ahead[next] = fmax(ahead[next], turned(polygons[next], at[next], &step[next][0], &step[next][1]));
    }
    side(fan, BOTTOM, 0, up_to(fan, HALF, false), 0);
    side(fan, TOP, up_to(fan, HALF, true), up_to(fan, 3 * HALF, false), 0);
    side(fan, RIGHT, up_to(fan, 0.0, true), up_to(fan, 2 * HALF, false), 0);
    side(fan, LEFT, up_to(fan, 2 * HALF, true), fan->size - 1, up_to(fan, 0.0, false) + 1);
    return true;
}

/* Lay out the boundary of a weighted sum, unless it is there. */
static void sum(Fan *fan, const double *law, ptrdiff_t states)
{
    if (fan->law && !memcmp(fan->law, law, (size_t)states * sizeof *law)) {
        return;
    }
    fan->law = law;
    double x = 0.0, y = 0.0;
    for (ptrdiff_t s = 0; s < states; s++) {
        x += law[s] * fan->start[2 * s];
        y += law[s] * fan->start[2 * s + 1];
    }
    fan->low[0] = fan->high[0] = fan->x[0] = x;
    fan->low[1] = fan->high[1] = fan->y[0] = y;
    for (ptrdiff_t k = 0; k < fan->size; k++) {
        double share = law[fan->owner[k]];
        fan->x[k + 1] = x += share * fan->dx[k];
        fan->y[k + 1] = y += share * fan->dy[k];
        fan->low[0] = x < fan->low[0] ? x : fan->low[0];
        fan->low[1] = y < fan->low[1] ? y : fan->low[1];
        fan->high[0] = x > fan->high[0] ? x : fan->high[0];
        fan->high[1] = y > fan->high[1] ? y : fan->high[1];
    }
}

/* The other coordinate where a side of the sum passes over an argument, clipped to its ends. */
static double over(const Fan *fan, int kind, double argument)
{
    const double *arguments = kind < RIGHT ? fan->x : fan->y, *values = kind < RIGHT ? fan->y : fan->x;
    const ptrdiff_t *walk = fan->walk[kind];
    ptrdiff_t last = fan->length[kind] - 1, low = 0, high = last + 1;
    if (!(argument >= arguments[walk[0]])) {
        return values[walk[0]];
    }
    bool beyond = argument >= arguments[walk[last]];
    argument = beyond ? arguments[walk[last]] : argument;
    while (low < high) { /* the first argument beyond, or that of the end itself */
        ptrdiff_t middle = (low + high) / 2;
        if (beyond ? arguments[walk[middle]] < argument : arguments[walk[middle]] <= argument) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (beyond) {
        return values[walk[low]];
    }
    double start = arguments[walk[low - 1]], base = values[walk[low - 1]];
    return base + (argument - start) / (arguments[walk[low]] - start) * (values[walk[low]] - base);
}

/* Write what each row gives each player if the lowest payoffs follow, and in each group of replies the largest. */
static void best_replies(const Rows *rows, double *best)
{
    ptrdiff_t size = rows->size, states = rows->states;
    for (ptrdiff_t k = 0; k < 2 * size; k++) {
        best[k] = -INFINITY;
    }
    for (ptrdiff_t k = 0; k < 2 * size; k++) {
        int i = k >= size;
        const double *law = rows->transitions + (i ? k - size : k) * states;
        double after = 0.0;
        for (ptrdiff_t s = 0; s < states; s++) {
            after += law[s] != 0.0 ? law[s] * rows->threat[2 * s + i] : 0.0;
        }
        double worth = after < INFINITY ? rows->now[k] + rows->delta[i] * after : INFINITY;
        double *held = best + i * size + rows->group[k];
        *held = worth > *held ? worth : *held;
    }
}

/* Write the continuations below which a player would deviate from a row or would leave. */
static void needs(const Rows *rows, const double *best, ptrdiff_t row, double needed[2])
{
    for (int i = 0; i < 2; i++) {
        double now = rows->now[i * rows->size + row], worth = best[i * rows->size + rows->group[i * rows->size + row]];
        double own = rows->own[2 * rows->state[row] + i];
        worth = own > worth ? own : worth;
        needed[i] = rows->delta[i] > 0.0 ? (worth - now) / rows->delta[i] : worth > now + SLACK ? INFINITY : -INFINITY;
    }
}

static void add(const Rows *rows, Points *points, Tag *tags, double x, double y, Tag tag)
{
    points->x[points->size] = rows->now[tag.profile] + rows->delta[0] * x;
    points->y[points->size] = rows->now[rows->size + tag.profile] + rows->delta[1] * y;
    tags[points->size++] = tag;
}

/* Add the payoffs of a row at which a constraint binds. */
static void binding(const Rows *rows, const Fan *fan, long row, const double needed[2], const double floor[2],
                    Points *points, Tag *tags)
{
    double x = floor[0], y = floor[1], slack = rows->slack, far;
    bool corner = false;
    if (fan->low[0] - slack <= needed[0] && x <= fan->high[0] + slack && (far = over(fan, TOP, x)) >= y - slack) {
        double near = over(fan, BOTTOM, x);
        corner = !(near > needed[1] + SLACK);
        add(rows, points, tags, x, far, (Tag){TOP, row, -1});
        add(rows, points, tags, x, corner ? y : near, (Tag){corner ? CORNER : BOTTOM, row, -1});
    }
    if (fan->low[1] - slack <= needed[1] && y <= fan->high[1] + slack && (far = over(fan, RIGHT, y)) >= x - slack) {
        double near = over(fan, LEFT, y);
        add(rows, points, tags, far, y, (Tag){RIGHT, row, -1});
        if (near > needed[0] + SLACK) {
            add(rows, points, tags, near, y, (Tag){LEFT, row, -1});
        } else if (!corner) {
            add(rows, points, tags, x, y, (Tag){CORNER, row, -1});
        }
    }
}

/* Add the payoffs of a row at which no constraint binds. */
static void loose(const Rows *rows, const Fan *fan, long row, const double floor[2], Points *points, Tag *tags)
{
    for (ptrdiff_t k = 0; k <= fan->size; k++) {
        if (fan->x[k] >= floor[0] - rows->slack && fan->y[k] >= floor[1] - rows->slack) {
            add(rows, points, tags, fan->x[k], fan->y[k], (Tag){VERTEX, row, (long)k});
        }
    }
}

/* Add the payoffs of a live row, those at which constraints bind or the others, and note whether there are any. */
static void play(const Rows *rows, Fan *fan, const Points *polygons, const double *best, ptrdiff_t row, bool bound,
                 Points *points, Tag *tags)
{
    const double *law = rows->transitions + row * rows->states;
    double needed[2], floor[2];
    ptrdiff_t before = points->size;
    for (ptrdiff_t s = 0; s < rows->states; s++) {
        if (!rows->alive[row] || (law[s] != 0.0 && !polygons[s].size)) {
            return;
        }
    }
    needs(rows, best, row, needed);
    sum(fan, law, rows->states);
    for (int i = 0; i < 2; i++) {
        floor[i] = needed[i] > fan->low[i] ? needed[i] : fan->low[i];
    }
    if (bound) {
        binding(rows, fan, (long)row, needed, floor, points, tags);
    } else {
        loose(rows, fan, (long)row, floor, points, tags);
    }
    rows->played[row] |= points->size > before;
}

/* Of many payoffs at which a constraint binds leave out those that others surround; false if there is no memory. */
static bool spared(Points *points, Tag *tags, ptrdiff_t *cycle)
{
    if (points->size <= CROWD) {
        return true;
    }
    ptrdiff_t size = 0, count = hull(*points, MERGE, 0, cycle);
    for (ptrdiff_t n = 0; n < count; n++) {
        tags[cycle[n]].source = 0;
    }
    for (ptrdiff_t k = 0; k < points->size; k++) {
        if (tags[k].source == 0) {
            tags[size] = (Tag){tags[k].kind, tags[k].profile, -1};
            points->x[size] = points->x[k];
            points->y[size++] = points->y[k];
        }
    }
    points->size = size;
    return count >= 0;
}

/* Whether some points are no numbers. */
static bool strange_in(const Points *points)
{
    for (ptrdiff_t k = 0; k < points->size; k++) {
        if (isnan(points->x[k]) || isnan(points->y[k])) {
            return true;
        }
    }
    return false;
}

/* For each state write the payoffs of its live rows, those at which a constraint binds or somebody leaves first, and
   which of them are the vertices of the hull; UNDECIDED if some are no numbers. The caller frees what `made` holds. */
Answer images(const Rows *rows, const Points *polygons, Made *made)
{
    ptrdiff_t start = 0;
    Fan fan = {0};
    double *best = malloc((size_t)(2 * rows->size + 1) * sizeof(double));
    bool done = fan_of(polygons, rows->states, &fan) && best, strange = false;
    if (done) {
        best_replies(rows, best);
    }
    for (ptrdiff_t s = 0; done && s < rows->states; s++) {
        ptrdiff_t stop = start;
        while (stop < rows->size && rows->state[stop] == s) {
            stop++;
        }
        size_t room = (size_t)((stop - start) * (5 + fan.size) + rows->exits + 1);
        Points *points = &made[s].points;
        Tag *tags = made[s].tags = malloc(room * sizeof *tags);
        *points = (Points){0, malloc(2 * room * sizeof(double)), NULL};
        made[s].cycle = malloc(room * sizeof(ptrdiff_t));
        done = points->x && tags && made[s].cycle;
        points->y = points->x + room;
        for (ptrdiff_t row = start; done && row < stop; row++) {
            play(rows, &fan, polygons, best, row, true, points, tags);
        }
        strange = strange || strange_in(points);
        done = done && !strange && spared(points, tags, made[s].cycle);
        for (ptrdiff_t k = 0; done && k < rows->exits; k++) {
            if (rows->exit[2 * k] == s) {
                points->x[points->size] = rows->ends[2 * k];
                points->y[points->size] = rows->ends[2 * k + 1];
                tags[points->size++] = (Tag){LEAVE, -1, (long)rows->exit[2 * k + 1]};
            }
        }
        made[s].held = points->size;
        for (ptrdiff_t row = start; done && row < stop; row++) {
            play(rows, &fan, polygons, best, row, false, points, tags);
        }
        strange = strange || strange_in(points);
        made[s].corners = done && !strange ? hull(*points, rows->merge, 0, made[s].cycle) : -1;
        done = made[s].corners >= 0;
        start = stop;
    }
    free(best);
    free(fan.angle);
    free(fan.owner);
    return done ? YES : strange ? UNDECIDED : NO_MEMORY;
}
