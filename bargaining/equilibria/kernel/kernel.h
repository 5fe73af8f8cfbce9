/* Inner loops of the solvers of repeated and stochastic games, in plain doubles. Each does what a function in Python
   does, in the same order, so that both give the same bits (but for `farthest` and `winners`, where ties and rounding
   may decide otherwise); those functions document what is computed and why. */

#ifndef BARGAINING_KERNEL_H
#define BARGAINING_KERNEL_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>

#if FLT_EVAL_METHOD != 0
#error "Sums and products would be kept in more than double precision, unlike those of Python."
#endif

/* A list of points: a polygon counter-clockwise, or candidates for one. */
typedef struct {
    ptrdiff_t size;
    double *x, *y;
} Points;

/* How a vertex is generated; see `Tag` in repeated/_search/operator.py. */
typedef struct {
    long kind, profile, source;
} Tag;

enum { TOP, BOTTOM, RIGHT, LEFT, CORNER, STATIC, LEAVE, VERTEX };

/* Profiles that share a continuation set; see `Block` in repeated/_search/operator.py. Each array holds player 0's
   numbers, then player 1's; `floor` is NULL if nobody may leave. */
typedef struct {
    ptrdiff_t size;
    const double *payoffs, *best, *now, *gain, *floor;
    const ptrdiff_t *index;
    double delta[2];
} Block;

/* What a function found. UNDECIDED: the twin in Python has to decide; NO_MEMORY: nothing was found. */
typedef enum { NO_MEMORY = -2, UNDECIDED = -1, NO = 0, YES = 1 } Answer;

#define MERGE 1e-14
#define SLACK 1e-13

/* hull.c */
ptrdiff_t hull(Points points, double merge, ptrdiff_t given, ptrdiff_t *cycle);
ptrdiff_t corners(Points cycle, ptrdiff_t *order);

/* chains.c */

/* One side of a polygon as a function: increasing arguments, values, and which vertices these are. */
typedef struct {
    ptrdiff_t size;
    double *argument, *value;
    ptrdiff_t *vertex;
} Chain;

/* The four sides in the order of the kinds of continuations: TOP, BOTTOM, RIGHT, LEFT. */
typedef struct {
    double low[2], high[2];
    Chain side[4];
    void *memory;
} Chains;

bool chains_of(Points polygon, Chains *chains);
ptrdiff_t piece(const Chain *chain, double argument);
double value_at(const Chain *chain, double argument);
void lowest(Points polygon, double low[2]);

/* farthest.c */
typedef struct Tree Tree;
Tree *planted(const double *points, ptrdiff_t size, ptrdiff_t axes);
void fell(Tree *tree);
ptrdiff_t axes_of(const Tree *tree);
ptrdiff_t size_of(const Tree *tree);
const double *points_of(const Tree *tree);
const ptrdiff_t *order_of(const Tree *tree);
void look_farther(const Tree *tree, const double *direction, ptrdiff_t besides, ptrdiff_t *place, double *value);
void find_farthest(const Tree *tree, const double *directions, ptrdiff_t size, const ptrdiff_t *besides,
                   ptrdiff_t *places, double *values);

/* programs.c */

/* Profiles under monitoring, see `Programs` in repeated/_monitored/programs.py, and the points of their continuations;
   `feasible` is a basis of each that is `playable`. */
typedef struct {
    ptrdiff_t profiles, signals, rows, axes, points;
    const Tree *tree;
    const double *now, *discounts, *chances, *views, *weights, *limits;
    const ptrdiff_t *feasible;
    const char *playable;
} Programs;

/* The best profile in each direction, see `Winners` there: `values` holds the floor first, `known` multipliers of all
   profiles; `multipliers`, `columns` and `levels` are those of the owners. If `thorough`, the known multipliers bound
   every profile by the value found; otherwise neighbours show that some are worse, whatever theirs are. */
typedef struct {
    ptrdiff_t size;
    bool at_once, thorough;
    const double *directions;
    double *known, *values, *multipliers, *levels;
    ptrdiff_t *owners, *columns;
} Winners;

ptrdiff_t winners(const Programs *programs, Winners *found);

/* What fits into a search: profiles, and vertices of an answer and of the sets on the way. */
enum { MOST_PROFILES = 20, MOST_VERTICES = 16, ROOM = 4 * MOST_PROFILES + 2 };

/* image.c */
void thresholds(const Block *block, ptrdiff_t profile, const double threat[2], double least[2]);
bool image(const Block *block, Points polygon, const double threat[2], Points leaves, Points *vertices, Tag *tags,
           char *alive);

/* linear.c */
enum { FEW_UNKNOWNS = 9 };
bool solve(ptrdiff_t size, double *rows, double *solution);

/* newton.c */
Answer newton(const Block *block, Points *polygon, Tag *tags, const double bound[2]);

/* proof.c */
/* What is known of a set that generates itself. LATER: Python has to say; UNFIXED: it is no fixed point; FIXED: it may
   be one, and not the largest; PROVED: it is the largest. */
typedef enum { LATER, UNFIXED, FIXED, PROVED } Verdict;

typedef struct Room Room;
Room *room_for_proofs(void);
Verdict verdict(Room *room, const Block *block, Points candidate, Points outer, const double bound[2], Points leaves,
                bool shape, double *excess);

/* rows.c */

/* The profiles of all states of a stochastic game, see `Rows` in _plane/model.py: players first, but for `own`,
   `threat` and `ends`; `exit` says in which state each end is and its number there. */
typedef struct {
    ptrdiff_t size, states, exits;
    const double *now, *transitions, *own, *threat, *ends;
    const ptrdiff_t *state, *group, *exit;
    const char *alive;
    char *played;
    double delta[2], slack, merge;
} Rows;

/* Payoffs of one state and how each is generated: the first `held` by a binding constraint or by leaving; and the
   vertices of their hull. */
typedef struct {
    Points points;
    Tag *tags;
    ptrdiff_t held, corners, *cycle;
} Made;

Answer images(const Rows *rows, const Points *polygons, Made *made);

/* search.c */

/* What a search found, in the unit box. */
enum { PYTHON, NOTHING, ITSELF, LARGEST }; /* how a search ended; PYTHON: it did not */

typedef struct {
    double x[MOST_VERTICES], y[MOST_VERTICES], bound;
    Tag tags[MOST_VERTICES];
    ptrdiff_t size, iterations, solves, ended;
} Found;

void search(Room *room, const Block *root, Points leaves, const double own[2], Found *out);

#endif
