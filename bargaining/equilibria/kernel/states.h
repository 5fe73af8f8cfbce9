/* Those of the solver of stochastic games between two players. */

#ifndef BARGAINING_STATES_H
#define BARGAINING_STATES_H

#include "kernel.h"

#define PI 3.141592653589793

/* A game in the unit box; see `Model` and `Rows` in _stochastic/model.py. */
typedef struct {
    ptrdiff_t size, states, laws;
    const double *now;    /* player 0's numbers, then player 1's */
    const double *shares; /* law by law, the weight of each state */
    const double *own;    /* state by state, both players' */
    const ptrdiff_t *state, *law;
    struct {
        const ptrdiff_t *group, *order, *starts; /* `starts` also says where the last group ends */
    } replies[2];
    const ptrdiff_t *left; /* where each state's outcomes of leaving begin, and where the last ones end */
    Points leaves;
    const long *numbers; /* of the outcomes of leaving */
    double delta[2], slack, merge;
    bool common;
} Rows;

/* A polygon for each state: all vertices, and where those of each begin and the last ones end. */
typedef struct {
    ptrdiff_t states, *first;
    Points vertices;
} Sets;

/* fan.c */

/* The edges of several polygons by angle; see `Fan` in _stochastic/minkowski.py. */
typedef struct {
    ptrdiff_t size;             /* how many edges */
    double *angle, *dx, *dy;    /* of each edge */
    ptrdiff_t *owner;           /* the state of each edge */
    ptrdiff_t *at;              /* after 0, 1, ... edges, the vertex of each state */
    ptrdiff_t *walk[4], length[4];
    void *memory;
} Fan;

/* The boundary of a weighted sum; see `Boundary` there. */
typedef struct {
    double *x, *y, low[2], high[2];
    Chain side[4];
    void *memory;
} Boundary;

bool fan_of(const Sets *sets, Fan *fan);
bool room_for(const Fan *fan, Boundary *boundary);
void boundary_of(const Fan *fan, const Sets *sets, const double *shares, Boundary *boundary);
double over(const Chain *chain, double argument);

/* states.c */

/* Points of each state and how they are generated: where those of each begin, and where the last ones end. */
typedef struct {
    Points points;
    Tag *tags;
    ptrdiff_t *first;
} Made;

const double *law_of(const Rows *rows, ptrdiff_t row);
ptrdiff_t best(const Rows *rows, ptrdiff_t row, int i, const double *threat, double *worth);
double needed(const Rows *rows, ptrdiff_t row, int i, double worth);
bool images(const Rows *rows, const Sets *sets, const double *threat, const char *live, Made *corners, Made *held,
            char *alive);

/* equations.c */

/* A vertex whose continuation lies between two vertices of one state, where player i's constraint binds. */
typedef struct {
    ptrdiff_t vertex, row, i, start, end;
    const ptrdiff_t *source; /* a vertex of each state */
} Edge;

/* Equations `matrix z = constant`, but for the edges; z has both coordinates of each vertex. */
typedef struct {
    ptrdiff_t size, edges;
    double *matrix, *constant;
    Edge *edge;
    ptrdiff_t *sources;
} Linear;

Answer equations(const Rows *rows, const Sets *sets, const Tag *tags, const double *angles, Linear *out);

#endif
