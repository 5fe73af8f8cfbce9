/* The equations of a structure of a stochastic game: the twin of `_System` in _stochastic/newton.py. */

#include "states.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Rows *rows;
    const Sets *sets;
    Fan fan;
    Boundary boundary;
    ptrdiff_t law; /* whose boundary it is; -1 if nobody's */
    ptrdiff_t *lowest;
    double *threat;
    Linear *out;
} System;

/* Find the vertices with each player's lowest payoffs in each state, and these payoffs. */
static void lows(System *system)
{
    const ptrdiff_t *first = system->sets->first;
    for (ptrdiff_t s = 0; s < system->sets->states; s++) {
        for (int i = 0; i < 2; i++) {
            const double *own = i ? system->sets->vertices.y : system->sets->vertices.x;
            ptrdiff_t found = first[s];
            for (ptrdiff_t k = first[s] + 1; k < first[s + 1]; k++) {
                found = own[k] < own[found] ? k : found;
            }
            bool any = first[s] < first[s + 1];
            system->lowest[2 * s + i] = any ? found : 0;
            system->threat[2 * s + i] = any ? own[found] : INFINITY;
        }
    }
}

static void take(System *system, ptrdiff_t equation, ptrdiff_t unknown, double weight)
{
    system->out->matrix[equation * system->out->size + unknown] -= weight;
}

/* Add that player i gets what her best deviation or leaving gives; return the continuation she needs. */
static double hold(System *system, ptrdiff_t k, ptrdiff_t row, int i)
{
    const Rows *rows = system->rows;
    double worth, own = rows->own[2 * rows->state[row] + i];
    ptrdiff_t reply = best(rows, row, i, system->threat, &worth);
    if (own > worth) {
        system->out->constant[2 * k + i] = own;
        return needed(rows, row, i, own);
    }
    const double *shares = law_of(rows, reply);
    system->out->constant[2 * k + i] = rows->now[i * rows->size + reply];
    for (ptrdiff_t s = 0; s < rows->states; s++) {
        if (shares[s] != 0.0) {
            take(system, 2 * k + i, 2 * system->lowest[2 * s + i] + i, rows->delta[i] * shares[s]);
        }
    }
    return needed(rows, row, i, worth);
}

/* Where a side passes over an argument, and whether that is on an edge. */
static ptrdiff_t place(System *system, long side, ptrdiff_t row, double argument, bool *on_edge)
{
    if (system->law != system->rows->law[row]) {
        system->law = system->rows->law[row];
        boundary_of(&system->fan, system->sets, law_of(system->rows, row), &system->boundary);
    }
    const Chain *chain = &system->boundary.side[side];
    ptrdiff_t k = piece(chain, argument), p = chain->vertex[k ? k - 1 : 0], q = chain->vertex[k];
    ptrdiff_t first = p < q ? p : q, last = p < q ? q : p;
    if (last - first > 1 && first == 0) { /* the last edge ends where the first one starts */
        first = last;
        last = first + 1;
    }
    *on_edge = last - first == 1;
    return first;
}

static double later(const Rows *rows, double angle)
{
    if (rows->common) {
        return angle;
    }
    double turned = atan2(rows->delta[0] * sin(angle), rows->delta[1] * cos(angle));
    return turned > -PI / 2 ? turned : turned + 2 * PI;
}

/* Add the equations of one vertex; false if Python has to decide. */
static bool add(System *system, ptrdiff_t k, Tag tag, double angle)
{
    const Rows *rows = system->rows;
    const Fan *fan = &system->fan;
    ptrdiff_t row = tag.profile, states = rows->states;
    bool on_edge = false;
    bool holds[2] = {tag.kind <= BOTTOM || tag.kind == CORNER, tag.kind >= RIGHT && tag.kind <= CORNER};
    double least[2] = {INFINITY, INFINITY};
    ptrdiff_t position = bisect_left(fan->angle, fan->size, later(rows, angle));
    for (int i = 0; i < 2; i++) {
        least[i] = holds[i] ? hold(system, k, row, i) : INFINITY;
    }
    if (tag.kind <= LEFT) {
        position = place(system, tag.kind, row, least[tag.kind / 2], &on_edge);
        if (on_edge && position >= fan->size) {
            return false;
        }
    }
    const ptrdiff_t *source = fan->at + position * states;
    const double *shares = law_of(rows, row);
    for (int i = 0; i < 2; i++) {
        if (!holds[i]) {
            system->out->constant[2 * k + i] = rows->now[i * rows->size + row];
            for (ptrdiff_t s = 0; s < states; s++) {
                if (shares[s] != 0.0) {
                    take(system, 2 * k + i, 2 * source[s] + i, rows->delta[i] * shares[s]);
                }
            }
        }
    }
    if (on_edge && rows->delta[tag.kind / 2] > 0.0) {
        ptrdiff_t s = fan->owner[position];
        Edge edge = {k, row, tag.kind / 2, source[s], source[s + states], system->out->sources + k * states};
        memcpy(system->out->sources + k * states, source, (size_t)states * sizeof *source);
        system->out->edge[system->out->edges++] = edge;
    }
    return true;
}

/* Add the equations of all vertices; NO_MEMORY, UNDECIDED, or YES. */
static Answer add_all(System *system, const Tag *tags, const double *angles)
{
    const Sets *sets = system->sets;
    if (!system->lowest || !system->threat || !fan_of(sets, &system->fan) ||
        !room_for(&system->fan, &system->boundary)) {
        return NO_MEMORY;
    }
    lows(system);
    for (ptrdiff_t k = 0; k < sets->vertices.size; k++) {
        if (tags[k].kind != LEAVE && !add(system, k, tags[k], angles[k])) {
            return UNDECIDED;
        }
    }
    return YES;
}

/* Write the equations of the vertices of `sets`: NO_MEMORY, UNDECIDED, or YES. The caller gives `matrix` as the
   identity and `constant` as the coordinates, and room for an edge, and a source for each state, a vertex. */
Answer equations(const Rows *rows, const Sets *sets, const Tag *tags, const double *angles, Linear *out)
{
    size_t states = (size_t)sets->states;
    System system = {.rows = rows, .sets = sets, .law = -1, .out = out};
    system.lowest = malloc((2 * states + 1) * sizeof *system.lowest);
    system.threat = malloc((2 * states + 1) * sizeof *system.threat);
    Answer answer = add_all(&system, tags, angles);
    free(system.fan.memory);
    free(system.boundary.memory);
    free(system.lowest);
    free(system.threat);
    return answer;
}
