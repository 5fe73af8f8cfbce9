/* Affine bounds of how far a profile can pass a face. */

#ifndef BARGAINING_BOUNDS_H
#define BARGAINING_BOUNDS_H

#include "kernel.h"

enum { FEW_PAIRS = 16, FEW_FACES = 20 };
enum { MOST_BOUNDS = 1 + 2 * FEW_FACES };

/* The faces `normal . w <= offset`, the lower face of each player first; `speed` is how fast each is moved out. */
typedef struct {
    ptrdiff_t size;
    double normal[FEW_FACES][2], offset[FEW_FACES], speed[FEW_FACES];
    bool moves[FEW_FACES];
    ptrdiff_t after[FEW_FACES], sides; /* the face of the edge that starts at each vertex of the candidate */
} Faces;

/* An upper bound `level + e * slope` of how far a profile goes. */
typedef struct {
    double level;
    ptrdiff_t face;
    double weight, threats[2];
} Bound;

/* A profile at e = 0: its lowest continuations, whether they move with the threats, and what rules it out. */
typedef struct {
    ptrdiff_t profile, blocked;
    double at[2], moves[2], now[2], delta;
    Bound blocks[FEW_FACES];
} Cut;

/* A face and a profile that might pass it, as the number of its cut. */
typedef struct {
    ptrdiff_t face, cut, size;
    double least;
    Bound bounds[MOST_BOUNDS];
} Pair;

double smaller(double a, double b);
double larger(double a, double b);
double slope(const Bound *bound, const double *speed);
bool faces_of(Faces *faces, Points candidate, const double bound[2]);
void cut_of(Cut *cut, const Block *block, const Faces *faces, ptrdiff_t k);
void bases(Pair *pair, const Faces *faces, const Chains *chains, const Cut *cut, bool every);

#endif
