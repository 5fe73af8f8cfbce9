/* Affine bounds of how far a profile can pass a face: the twin of _repeated/bounds.py. */

#include "bounds.h"

#include <math.h>

double slope(const Bound *bound, const double *speed)
{
    return bound->weight * speed[bound->face] + bound->threats[0] * speed[0] + bound->threats[1] * speed[1];
}

double smaller(double a, double b)
{
    return b < a ? b : a;
}

double larger(double a, double b)
{
    return b > a ? b : a;
}

bool faces_of(Faces *faces, Points candidate, const double bound[2])
{
    static const double axes[4][2] = {{-1.0, 0.0}, {0.0, -1.0}, {1.0, 0.0}, {0.0, 1.0}};
    double low[2], high[2] = {candidate.x[0], candidate.y[0]};
    if (candidate.size > FEW_FACES - 4) {
        return false;
    }
    lowest(candidate, low);
    for (ptrdiff_t k = 1; k < candidate.size; k++) {
        high[0] = larger(high[0], candidate.x[k]);
        high[1] = larger(high[1], candidate.y[k]);
    }
    for (int k = 0; k < 4; k++) {
        faces->normal[k][0] = axes[k][0];
        faces->normal[k][1] = axes[k][1];
        faces->offset[k] = k < 2 ? -low[k] : high[k - 2];
    }
    faces->size = 4;
    faces->sides = candidate.size;
    for (ptrdiff_t k = 0; k < candidate.size; k++) {
        ptrdiff_t next = k + 1 < candidate.size ? k + 1 : 0, face = 0;
        double x = candidate.x[k], y = candidate.y[k], px = candidate.x[next], py = candidate.y[next];
        double length = sqrt((px - x) * (px - x) + (py - y) * (py - y)), a = -1.0, b = 0.0;
        if (length > 0.0) {
            a = (py - y) / length;
            b = (x - px) / length;
        }
        while (face < 4 && (a != axes[face][0] || b != axes[face][1])) {
            face++;
        }
        faces->after[k] = face < 4 ? face : faces->size;
        if (face == 4) {
            faces->normal[faces->size][0] = a;
            faces->normal[faces->size][1] = b;
            faces->offset[faces->size++] = larger(a * x + b * y, a * px + b * py);
        }
    }
    for (ptrdiff_t k = 0; k < faces->size; k++) {
        faces->moves[k] = !(k < 2 && bound[k] >= -faces->offset[k] - 1e-15);
        if (!faces->moves[k]) {
            faces->offset[k] = -bound[k];
        }
    }
    return true;
}

void cut_of(Cut *cut, const Block *block, const Faces *faces, ptrdiff_t k)
{
    cut->profile = k;
    cut->delta = block->delta[0];
    cut->blocked = 0;
    for (int i = 0; i < 2; i++) {
        ptrdiff_t own = i * block->size + k;
        double at = block->gain[own] - faces->offset[i];
        bool kept = block->floor && block->floor[own] >= at;
        cut->at[i] = kept ? block->floor[own] : at;
        cut->moves[i] = kept ? 0.0 : faces->moves[i];
        cut->now[i] = block->now[own];
    }
    for (ptrdiff_t face = 0; face < faces->size; face++) {
        double p = faces->normal[face][0], q = faces->normal[face][1];
        double lack = p * cut->at[0] + q * cut->at[1] - faces->offset[face];
        if (p >= 0.0 && q >= 0.0 && lack > 1e-12) {
            cut->blocks[cut->blocked++] = (Bound){lack, face, 1.0, {p * cut->moves[0], q * cut->moves[1]}};
        }
    }
}

/* Write the faces of a chain next to an argument, one, or two around a vertex; return how many. */
static ptrdiff_t met(const Faces *faces, const Chain *chain, double at, int forward, ptrdiff_t *out)
{
    ptrdiff_t last = chain->size - 1, count = 0;
    if (!last) {
        for (; count < 4; count++) {
            out[count] = count;
        }
        return count;
    }
    if (faces->sides < 3) {
        for (; count < faces->sides; count++) {
            out[count] = faces->after[count];
        }
        return count;
    }
    ptrdiff_t k = piece(chain, at);
    out[count++] = faces->after[chain->vertex[k - 1 + forward]];
    if (k < last && chain->argument[k] - at <= 1e-12) {
        out[count++] = faces->after[chain->vertex[k + forward]];
    }
    if (k > 1 && at - chain->argument[k - 1] <= 1e-12) {
        out[count++] = faces->after[chain->vertex[k - 2 + forward]];
    }
    return count;
}

/* Add how far continuations go between each face and the constraint of player i. */
static void mix(Pair *pair, const Faces *faces, const Cut *cut, const ptrdiff_t *meeting, ptrdiff_t count, int i,
                double base)
{
    double free = faces->normal[pair->face][1 - i], bound = faces->normal[pair->face][i];
    double at = cut->at[i], move = cut->moves[i], delta = cut->delta;
    for (ptrdiff_t n = 0; n < count; n++) {
        const double *normal = faces->normal[meeting[n]];
        double offset = faces->offset[meeting[n]], o = normal[1 - i], off = 0.0;
        if (!(free * o > 0.0 || (free == 0.0 && o != 0.0))) {
            continue;
        }
        double by_face = free / o, by_cut = by_face * normal[i] - bound;
        if (by_cut < -1e-12) {
            continue;
        }
        if (by_cut < 0.0) {
            off = -by_cut;
            by_cut = 0.0;
        }
        off += DBL_EPSILON * (by_face * fabs(offset) + by_cut * fabs(at));
        Bound *out = &pair->bounds[pair->size++];
        *out = (Bound){base + delta * (by_face * offset - by_cut * at + off), meeting[n], delta * by_face, {0.0, 0.0}};
        out->threats[i] = delta * by_cut * move;
    }
}

/* Collect the dual bases of a profile and a face: one constraint and one face, or both constraints. */
void bases(Pair *pair, const Faces *faces, const Chains *chains, const Cut *cut, bool every)
{
    double a = faces->normal[pair->face][0], b = faces->normal[pair->face][1];
    double base = a * cut->now[0] + b * cut->now[1], delta = cut->delta;
    ptrdiff_t meeting[FEW_FACES], count = faces->size;
    pair->size = 0;
    if (a <= 1e-12 && b <= 1e-12) {
        double p = smaller(a, 0.0), q = smaller(b, 0.0), off = larger(a, 0.0) + larger(b, 0.0);
        double level = base + delta * (p * cut->at[0] + q * cut->at[1] + off);
        pair->bounds[pair->size++] = (Bound){level, 0, 0.0, {-delta * p * cut->moves[0], -delta * q * cut->moves[1]}};
    }
    every = every || cut->blocked;
    for (ptrdiff_t face = 0; face < faces->size; face++) {
        meeting[face] = face;
    }
    for (int i = 0; i < 2; i++) {
        if (!every) {
            bool upper = (i ? a : b) > 0.0;
            const Chain *side = &chains->side[i ? (upper ? RIGHT : LEFT) : (upper ? TOP : BOTTOM)];
            count = met(faces, side, cut->at[i], i ? !upper : upper, meeting);
        }
        mix(pair, faces, cut, meeting, count, i, base);
    }
    pair->least = pair->size ? INFINITY : -INFINITY;
    for (ptrdiff_t n = 0; n < pair->size; n++) {
        pair->least = smaller(pair->least, pair->bounds[n].level);
    }
}
