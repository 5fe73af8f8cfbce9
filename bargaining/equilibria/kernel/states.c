/* One application of the operator of a stochastic game: the twin of _stochastic/few.py. */

#include "states.h"

#include <math.h>
#include <stdlib.h>

/* The weights of the states that follow a row. */
const double *law_of(const Rows *rows, ptrdiff_t row)
{
    return rows->shares + rows->law[row] * rows->states;
}

/* Player i's best reply to a row, the first of several; `worth` is what it gives. */
ptrdiff_t best(const Rows *rows, ptrdiff_t row, int i, const double *threat, double *worth)
{
    const ptrdiff_t *starts = rows->replies[i].starts, *order = rows->replies[i].order;
    ptrdiff_t group = rows->replies[i].group[row], found = row;
    *worth = -INFINITY;
    for (ptrdiff_t k = starts[group]; k < starts[group + 1]; k++) {
        const double *shares = law_of(rows, order[k]);
        double after = 0.0;
        for (ptrdiff_t s = 0; s < rows->states; s++) {
            if (shares[s] != 0.0) {
                after += shares[s] * threat[2 * s + i];
            }
        }
        double gives = after < INFINITY ? rows->now[i * rows->size + order[k]] + rows->delta[i] * after : INFINITY;
        if (gives > *worth) {
            found = order[k];
            *worth = gives;
        }
    }
    return found;
}

/* The continuation that makes a row worth so much to player i. */
double needed(const Rows *rows, ptrdiff_t row, int i, double worth)
{
    double now = rows->now[i * rows->size + row];
    if (rows->delta[i] > 0.0) {
        return (worth - now) / rows->delta[i];
    }
    return worth > now + SLACK ? INFINITY : -INFINITY;
}

/* Payoffs of one state, and what they are made of: the row, its payoffs now, and the discount factors. */
typedef struct {
    Points points;
    Tag *tags;
    ptrdiff_t row;
    double now[2], delta[2];
} Payoffs;

static void give(Payoffs *made, long kind, double x, double y, ptrdiff_t source)
{
    x = made->now[0] + made->delta[0] * x;
    y = made->now[1] + made->delta[1] * y;
    add_point(&made->points, made->tags, x, y, (Tag){kind, (long)made->row, (long)source});
}

/* Add the payoffs at which a constraint binds. */
static void bound(Payoffs *made, const Boundary *boundary, const double least[2], const double floor[2], double slack)
{
    const double x = floor[0], y = floor[1], *low = boundary->low, *high = boundary->high;
    double top, right;
    bool corner = false;
    if (low[0] - slack <= least[0] && x <= high[0] + slack &&
        (top = over(&boundary->side[TOP], x)) >= y - slack) {
        double bottom = over(&boundary->side[BOTTOM], x);
        corner = !(bottom > least[1] + SLACK);
        give(made, TOP, x, top, -1);
        give(made, corner ? CORNER : BOTTOM, x, corner ? y : bottom, -1);
    }
    if (low[1] - slack <= least[1] && y <= high[1] + slack &&
        (right = over(&boundary->side[RIGHT], y)) >= x - slack) {
        double left = over(&boundary->side[LEFT], y);
        give(made, RIGHT, right, y, -1);
        if (left > least[0] + SLACK) {
            give(made, LEFT, left, y, -1);
        } else if (!corner) {
            give(made, CORNER, x, y, -1);
        }
    }
}

/* What the rows of all states are played with. */
typedef struct {
    const Rows *rows;
    const Sets *sets;
    const double *threat;
    Fan fan;
    Boundary boundary;
    ptrdiff_t law; /* whose boundary it is; -1 if nobody's */
} Play;

static bool open(const Play *play, ptrdiff_t row)
{
    const double *shares = law_of(play->rows, row);
    for (ptrdiff_t s = 0; s < play->rows->states; s++) {
        if (shares[s] != 0.0 && play->sets->first[s] == play->sets->first[s + 1]) {
            return false;
        }
    }
    return true;
}

/* Add what a row gives, bound by a constraint or not; return whether it can be played. */
static bool played(Play *play, ptrdiff_t row, Payoffs *held, Payoffs *loose)
{
    const Rows *rows = play->rows;
    const Boundary *boundary = &play->boundary;
    double least[2], floor[2];
    if (play->law != rows->law[row]) {
        play->law = rows->law[row];
        boundary_of(&play->fan, play->sets, law_of(rows, row), &play->boundary);
    }
    held->row = loose->row = row;
    for (int i = 0; i < 2; i++) {
        double worth, own = rows->own[2 * rows->state[row] + i];
        best(rows, row, i, play->threat, &worth);
        least[i] = needed(rows, row, i, worth > own ? worth : own);
        floor[i] = boundary->low[i] > least[i] ? boundary->low[i] : least[i];
        held->now[i] = loose->now[i] = rows->now[i * rows->size + row];
    }
    ptrdiff_t before = held->points.size + loose->points.size;
    bound(held, boundary, least, floor, rows->slack);
    double x = floor[0] - rows->slack, y = floor[1] - rows->slack;
    for (ptrdiff_t k = 0; k <= play->fan.size; k++) {
        if (boundary->x[k] >= x && boundary->y[k] >= y) {
            give(loose, VERTEX, boundary->x[k], boundary->y[k], k);
        }
    }
    return held->points.size + loose->points.size > before;
}

/* Append those of a state's points that are chosen: all if `which` is NULL. */
static void append(Made *made, const Payoffs *from, const ptrdiff_t *which, ptrdiff_t count)
{
    for (ptrdiff_t n = 0; n < count; n++) {
        ptrdiff_t k = which ? which[n] : n;
        add_point(&made->points, made->tags, from->points.x[k], from->points.y[k], from->tags[k]);
    }
}

static bool roomy(Made *made, ptrdiff_t room, ptrdiff_t states)
{
    made->points = (Points){0, malloc((size_t)(room + 1) * 2 * sizeof(double)), NULL};
    made->tags = malloc((size_t)(room + 1) * sizeof *made->tags);
    made->first = calloc((size_t)(states + 1), sizeof *made->first);
    if (!made->points.x || !made->tags || !made->first) {
        return false;
    }
    made->points.y = made->points.x + room + 1;
    return true;
}

/* Find the images of all states; false if there is no memory. `cycle` has room for all points of a state, and for
   those that no constraint holds after the others. */
static bool every(Play *play, const char *live, Made *corners, Made *held, Made *all, ptrdiff_t *cycle, char *alive)
{
    const Rows *rows = play->rows;
    for (ptrdiff_t s = 0, row = 0; s < rows->states; s++) {
        ptrdiff_t stop = row, most = rows->left[s + 1] - rows->left[s];
        while (stop < rows->size && rows->state[stop] == s) {
            stop++;
        }
        most += 4 * (stop - row);
        Payoffs bind = {all->points, all->tags, 0, {0.0, 0.0}, {rows->delta[0], rows->delta[1]}}, loose = bind;
        loose.points = (Points){0, all->points.x + most, all->points.y + most};
        loose.tags += most;
        for (; row < stop; row++) {
            alive[row] = live[row] && open(play, row) && played(play, row, &bind, &loose);
        }
        for (ptrdiff_t k = rows->left[s]; k < rows->left[s + 1]; k++) {
            Tag tag = {LEAVE, -1, rows->numbers[k]};
            add_point(&bind.points, bind.tags, rows->leaves.x[k], rows->leaves.y[k], tag);
        }
        append(held, &bind, NULL, bind.points.size);
        held->first[s + 1] = held->points.size;
        for (ptrdiff_t k = 0; k < loose.points.size; k++) {
            add_point(&bind.points, bind.tags, loose.points.x[k], loose.points.y[k], loose.tags[k]);
        }
        ptrdiff_t count = hull(bind.points, rows->merge, 0, cycle);
        if (count < 0) {
            return false;
        }
        append(corners, &bind, cycle, count);
        corners->first[s + 1] = corners->points.size;
    }
    return true;
}

/* Write the images' vertices, what constraints or leaving hold, and which rows can be played; false if there is no
   memory. The caller frees the points, tags and `first` of `corners` and `held`; some polygon is not empty. */
bool images(const Rows *rows, const Sets *sets, const double *threat, const char *live, Made *corners, Made *held,
            char *alive)
{
    Play play = {.rows = rows, .sets = sets, .threat = threat, .law = -1};
    Made all = {{0, NULL, NULL}, NULL, NULL};
    ptrdiff_t *cycle = NULL, few = 4 * rows->size + rows->leaves.size;
    bool done = false;
    if (fan_of(sets, &play.fan) && room_for(&play.fan, &play.boundary)) {
        ptrdiff_t room = few + rows->size * (play.fan.size + 1);
        cycle = malloc((size_t)(room + 1) * sizeof *cycle);
        done = cycle && roomy(corners, room, rows->states) && roomy(held, few, rows->states) &&
               roomy(&all, room, rows->states) && every(&play, live, corners, held, &all, cycle, alive);
    }
    free(play.fan.memory);
    free(play.boundary.memory);
    free(cycle);
    free(all.points.x);
    free(all.tags);
    free(all.first);
    return done;
}
