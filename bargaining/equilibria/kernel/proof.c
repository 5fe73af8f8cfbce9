/* Proof, from outside, that a set is the largest that generates itself: the twin of _repeated/outer.py as far as the
   plain case goes. What it does not prove, Python tries in full. */

#include "bounds.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDING 1e-13
#define MARGIN 1e-3

/* Blow the faces up from the middle of the outer set; false if it lies outside. */
static bool scaled(Faces *faces, Points outer)
{
    double x = 0.0, y = 0.0;
    for (ptrdiff_t k = 0; k < outer.size; k++) {
        x += outer.x[k];
        y += outer.y[k];
    }
    x /= (double)outer.size;
    y /= (double)outer.size;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        faces->speed[j] = faces->moves[j] ? faces->offset[j] - faces->normal[j][0] * x - faces->normal[j][1] * y : 0.0;
        if (faces->moves[j] && faces->speed[j] < 1e-9) {
            return false;
        }
    }
    return true;
}

/* The binding bound of a pair that reaches its face at e = 0, the flattest of those that tie; NULL if it does not. */
static const Bound *reaching(const Pair *pair, const Faces *faces, const Cut *cuts)
{
    const Bound *out = NULL;
    if (pair->least < faces->offset[pair->face] - 1e-11 || cuts[pair->cut].blocked) {
        return NULL;
    }
    for (ptrdiff_t n = 0; n < pair->size; n++) {
        const Bound *bound = &pair->bounds[n];
        if (bound->level <= pair->least + 1e-12 && (!out || slope(bound, faces->speed) < slope(out, faces->speed))) {
            out = bound;
        }
    }
    return out;
}

/* Solve the linear system of one bound a face, the others keeping their speed; false if some speed is not positive. */
static bool policy_speeds(Faces *faces, const Bound **policy, const ptrdiff_t *order, ptrdiff_t size)
{
    double rows[FEW_UNKNOWNS * (FEW_UNKNOWNS + 1)] = {0.0}, solution[FEW_UNKNOWNS];
    ptrdiff_t place[FEW_FACES];
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        place[j] = -1;
    }
    for (ptrdiff_t n = 0; n < size; n++) {
        place[order[n]] = n;
    }
    for (ptrdiff_t n = 0; n < size; n++) {
        double *row = rows + n * (size + 1);
        const Bound *bound = policy[n];
        const ptrdiff_t others[] = {bound->face, 0, 1};
        const double shares[] = {bound->weight, bound->threats[0], bound->threats[1]};
        row[n] = row[size] = 1.0;
        for (int k = 0; k < 3; k++) {
            if (place[others[k]] >= 0) {
                row[place[others[k]]] -= shares[k];
            } else {
                row[size] += shares[k] * faces->speed[others[k]];
            }
        }
    }
    if (!solve(size, rows, solution)) {
        return false;
    }
    for (ptrdiff_t n = 0; n < size; n++) {
        if (!(solution[n] > 0.0)) {
            return false;
        }
        faces->speed[order[n]] = solution[n];
    }
    return true;
}

/* The bound among those that belong to a place with the steepest slope. */
static const Bound *steepest(const Bound **reach, const ptrdiff_t *of, ptrdiff_t count, ptrdiff_t place,
                             const double *speed)
{
    const Bound *out = NULL;
    for (ptrdiff_t n = 0; n < count; n++) {
        if (reach[n] && of[n] == place && (!out || slope(reach[n], speed) > slope(out, speed))) {
            out = reach[n];
        }
    }
    return out;
}

/* Solve z = 1 + Phi(z) over the pairs that reach their face at e = 0, by policy iteration; false if it fails. */
static bool speeds(Faces *faces, const Pair *pairs, ptrdiff_t count, const Cut *cuts)
{
    const Bound *reach[FEW_PAIRS], *policy[FEW_UNKNOWNS];
    ptrdiff_t order[FEW_UNKNOWNS], of[FEW_PAIRS], size = 0;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        faces->speed[j] = faces->moves[j];
    }
    for (ptrdiff_t n = 0; n < count; n++) {
        reach[n] = reaching(&pairs[n], faces, cuts);
        for (of[n] = 0; of[n] < size && order[of[n]] != pairs[n].face; of[n]++) {
        }
        if (reach[n] && of[n] == size) {
            if (size == FEW_UNKNOWNS) {
                return false;
            }
            order[size++] = pairs[n].face;
        }
    }
    for (ptrdiff_t place = 0; place < size; place++) {
        policy[place] = steepest(reach, of, count, place, faces->speed);
    }
    for (ptrdiff_t round = 0; round < 2 * faces->size; round++) {
        bool settled = true;
        if (!policy_speeds(faces, policy, order, size)) {
            return false;
        }
        for (ptrdiff_t place = 0; place < size; place++) {
            const Bound *best = steepest(reach, of, count, place, faces->speed);
            if (slope(best, faces->speed) > (1.0 + 1e-9) * slope(policy[place], faces->speed) + 1e-15) {
                policy[place] = best;
                settled = false;
            }
        }
        if (settled) {
            return true;
        }
    }
    return false;
}

/* Whether a pair stays inside its face for every excess up to `far`. */
static bool passes(const Pair *pair, const Faces *faces, const Cut *cut, double far)
{
    double offset = faces->offset[pair->face], own = faces->speed[pair->face], start = INFINITY, stop = 0.0;
    double enough = -MARGIN * far * smaller(own, 1.0);
    for (ptrdiff_t n = 0; n < pair->size; n++) {
        double excess = pair->bounds[n].level - offset, growth = slope(&pair->bounds[n], faces->speed) - own;
        if (excess + far * growth <= enough) {
            if (excess <= ROUNDING) {
                return true;
            }
            start = smaller(start, -excess / growth);
        } else if (excess < 0.0 && growth > 0.0) {
            stop = larger(stop, -0.999 * excess / growth);
        }
    }
    double revival = 0.0;
    for (ptrdiff_t n = 0; n < cut->blocked; n++) {
        revival = larger(revival, cut->blocks[n].level / slope(&cut->blocks[n], faces->speed));
    }
    return larger(stop, revival) > 1.001 * start || revival >= far;
}

/* Check every pair on the range that covers the outer set, for the given speeds. */
static bool ranged(const Faces *faces, const Chains *chains, Points outer, Pair *pairs, ptrdiff_t count,
                   const Cut *cuts, bool every, double *excess)
{
    double far = -INFINITY;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        double most = -INFINITY, a = faces->normal[j][0], b = faces->normal[j][1];
        for (ptrdiff_t k = 0; k < outer.size; k++) {
            most = larger(most, a * outer.x[k] + b * outer.y[k]);
        }
        if (faces->speed[j] != 0.0) {
            far = larger(far, (faces->moves[j] ? most - faces->offset[j] : 0.0) / faces->speed[j]);
        }
    }
    *excess = 0.0;
    if (far <= ROUNDING) {
        *excess = larger(far, 0.0);
        return true;
    }
    for (ptrdiff_t n = 0; n < count; n++) {
        const Cut *cut = &cuts[pairs[n].cut];
        if (passes(&pairs[n], faces, cut, far)) {
            continue;
        }
        if (!every) {
            return false;
        }
        Pair whole = {.face = pairs[n].face};
        bases(&whole, faces, chains, cut, true);
        if (!passes(&whole, faces, cut, far)) {
            return false;
        }
    }
    return true;
}

/* Find the pairs of a profile and a face that its stage payoffs lie beyond; -1 if there are many. */
static ptrdiff_t pairs_of(Pair *pairs, Cut *cuts, const Block *block, const Faces *faces, const Chains *chains)
{
    ptrdiff_t count = 0, used = 0;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        double a = faces->normal[j][0], b = faces->normal[j][1], offset = faces->offset[j] + 1e-14;
        for (ptrdiff_t k = 0; k < block->size && (j > 1 || faces->moves[j]); k++) {
            if (!(a * block->payoffs[k] + b * block->payoffs[block->size + k] > offset)) {
                continue;
            }
            if (count == FEW_PAIRS) {
                return -1;
            }
            ptrdiff_t cut = 0;
            while (cut < used && cuts[cut].profile != k) {
                cut++;
            }
            if (cut == used) {
                cut_of(&cuts[used++], block, faces, k);
            }
            pairs[count].face = j;
            pairs[count].cut = cut;
            bases(&pairs[count++], faces, chains, &cuts[cut], false);
        }
    }
    return count;
}

/* Whether a candidate that generates itself is all that is left of `outer`; else UNDECIDED, or NO_MEMORY. */
Answer proved(const Block *block, Points candidate, Points outer, const double bound[2], Points leaves, double *excess)
{
    Faces faces;
    Pair pairs[FEW_PAIRS];
    Cut cuts[FEW_PAIRS];
    Chains chains;
    if (!faces_of(&faces, candidate, bound)) {
        return UNDECIDED;
    }
    for (ptrdiff_t n = 0; n < leaves.size; n++) {
        for (ptrdiff_t j = 0; j < faces.size; j++) {
            if (faces.normal[j][0] * leaves.x[n] + faces.normal[j][1] * leaves.y[n] > faces.offset[j] + ROUNDING) {
                return UNDECIDED;
            }
        }
    }
    if (!chains_of(candidate, &chains)) {
        return NO_MEMORY;
    }
    ptrdiff_t count = pairs_of(pairs, cuts, block, &faces, &chains);
    bool held = count >= 0;
    for (ptrdiff_t n = 0; n < count && held; n++) {
        held = pairs[n].least <= faces.offset[pairs[n].face] + ROUNDING || cuts[pairs[n].cut].blocked;
    }
    *excess = 0.0;
    if (held && count) {
        held = (!faces.moves[0] && !faces.moves[1] && scaled(&faces, outer) &&
                ranged(&faces, &chains, outer, pairs, count, cuts, false, excess)) ||
               (speeds(&faces, pairs, count, cuts) &&
                ranged(&faces, &chains, outer, pairs, count, cuts, true, excess));
    }
    free(chains.memory);
    return held ? YES : UNDECIDED;
}
