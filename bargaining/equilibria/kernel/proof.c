/* Proof, from outside, that a set is the largest that generates itself: the twin of repeated/_search/proof.py. Where an
   outer set would be cut, or there is more than fits, Python goes on. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDING 1e-13
#define MARGIN 1e-3
#define SLOWEST 1e-3

enum { FEW_PAIRS = 16, MOST_PAIRS = 64, MOST_FACES = 48 };
enum { MOST_BOUNDS = 1 + 2 * MOST_FACES };

/* The faces `normal . w <= offset`, the lower face of each player first; `speed` is how fast each is moved out. */
typedef struct {
    ptrdiff_t size;
    double normal[MOST_FACES][2], offset[MOST_FACES], speed[MOST_FACES];
    bool moves[MOST_FACES];
    ptrdiff_t after[MOST_FACES], sides; /* the face of the edge that starts at each vertex of the candidate */
    bool many;                          /* whether there are faces beside the candidate's own */
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
    Bound blocks[MOST_FACES];
} Cut;

/* A face and a profile that might pass it, as the number of its cut. */
typedef struct {
    ptrdiff_t face, cut, size;
    double least;
    Bound bounds[MOST_BOUNDS];
} Pair;

static double slope(const Bound *bound, const double *speed)
{
    return bound->weight * speed[bound->face] + bound->threats[0] * speed[0] + bound->threats[1] * speed[1];
}

static double smaller(double a, double b)
{
    return b < a ? b : a;
}

static double larger(double a, double b)
{
    return b > a ? b : a;
}

static bool faces_of(Faces *faces, Points candidate, Points outer, const double bound[2])
{
    static const double axes[4][2] = {{-1.0, 0.0}, {0.0, -1.0}, {1.0, 0.0}, {0.0, 1.0}};
    double low[2], high[2] = {candidate.x[0], candidate.y[0]};
    if (candidate.size > MOST_VERTICES || candidate.size + outer.size > MOST_FACES - 4) {
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
    faces->many = outer.size > 0;
    for (ptrdiff_t k = 0; k < outer.size; k++) {
        ptrdiff_t next = k + 1 < outer.size ? k + 1 : 0;
        double x = outer.x[k], y = outer.y[k], px = outer.x[next], py = outer.y[next], most = -INFINITY;
        double length = sqrt((px - x) * (px - x) + (py - y) * (py - y));
        if (length > 0.0) {
            double a = (py - y) / length, b = (x - px) / length;
            for (ptrdiff_t n = 0; n < candidate.size; n++) {
                most = larger(most, a * candidate.x[n] + b * candidate.y[n]);
            }
            faces->normal[faces->size][0] = a;
            faces->normal[faces->size][1] = b;
            faces->offset[faces->size++] = most;
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

static void cut_of(Cut *cut, const Block *block, const Faces *faces, ptrdiff_t k)
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
static void bases(Pair *pair, const Faces *faces, const Chains *chains, const Cut *cut, bool every)
{
    double a = faces->normal[pair->face][0], b = faces->normal[pair->face][1];
    double base = a * cut->now[0] + b * cut->now[1], delta = cut->delta;
    ptrdiff_t meeting[MOST_FACES], count = faces->size;
    pair->size = 0;
    if (a <= 1e-12 && b <= 1e-12) {
        double p = smaller(a, 0.0), q = smaller(b, 0.0), off = larger(a, 0.0) + larger(b, 0.0);
        double level = base + delta * (p * cut->at[0] + q * cut->at[1] + off);
        pair->bounds[pair->size++] = (Bound){level, 0, 0.0, {-delta * p * cut->moves[0], -delta * q * cut->moves[1]}};
    }
    every = every || cut->blocked || faces->many;
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
    ptrdiff_t place[MOST_FACES];
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

/* Solve z = 1 + Phi(z) over the pairs that reach their face at e = 0, by policy iteration; NO if the set does not
   attract. */
static Answer speeds(Faces *faces, const Pair *pairs, ptrdiff_t count, const Cut *cuts)
{
    const Bound *reach[MOST_PAIRS], *policy[FEW_UNKNOWNS];
    ptrdiff_t order[FEW_UNKNOWNS], of[MOST_PAIRS], size = 0;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        faces->speed[j] = faces->moves[j];
    }
    for (ptrdiff_t n = 0; n < count; n++) {
        reach[n] = reaching(&pairs[n], faces, cuts);
        for (of[n] = 0; of[n] < size && order[of[n]] != pairs[n].face; of[n]++) {
        }
        if (reach[n] && of[n] == size) {
            if (size == FEW_UNKNOWNS) {
                return UNDECIDED;
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
            return NO;
        }
        for (ptrdiff_t place = 0; place < size; place++) {
            const Bound *best = steepest(reach, of, count, place, faces->speed);
            if (slope(best, faces->speed) > (1.0 + 1e-9) * slope(policy[place], faces->speed) + 1e-15) {
                policy[place] = best;
                settled = false;
            }
        }
        if (settled) {
            return YES;
        }
    }
    return NO;
}

/* The smallest excess above which a pair stays inside its face, zero if it does up to `far`. */
static double unproved(const Pair *pair, const Faces *faces, const Cut *cut, double far)
{
    double offset = faces->offset[pair->face], own = faces->speed[pair->face], start = INFINITY, stop = 0.0;
    double enough = -MARGIN * far * smaller(own, 1.0);
    for (ptrdiff_t n = 0; n < pair->size; n++) {
        double excess = pair->bounds[n].level - offset, growth = slope(&pair->bounds[n], faces->speed) - own;
        if (excess + far * growth <= enough) {
            if (excess <= ROUNDING) {
                return 0.0;
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
    return larger(stop, revival) > 1.001 * start || revival >= far ? 0.0 : start;
}

/* How far a polygon goes in a direction. */
static double farthest(Points polygon, const double normal[2])
{
    double most = -INFINITY;
    for (ptrdiff_t k = 0; k < polygon.size; k++) {
        most = larger(most, normal[0] * polygon.x[k] + normal[1] * polygon.y[k]);
    }
    return most;
}

/* Check every pair on the range that covers the outer set, for the given speeds. */
static Verdict ranged(const Faces *faces, const Chains *chains, Points outer, Pair *pairs, ptrdiff_t count,
                      const Cut *cuts, bool every, double *excess)
{
    double far = -INFINITY, near = 0.0;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        double most = farthest(outer, faces->normal[j]);
        if (faces->speed[j] != 0.0) {
            far = larger(far, (faces->moves[j] ? most - faces->offset[j] : 0.0) / faces->speed[j]);
        }
    }
    *excess = 0.0;
    if (far <= ROUNDING) {
        *excess = larger(far, 0.0);
        return PROVED;
    }
    for (ptrdiff_t n = 0; n < count; n++) {
        const Cut *cut = &cuts[pairs[n].cut];
        double left = unproved(&pairs[n], faces, cut, far);
        if (left > 0.0) {
            Pair whole = {.face = pairs[n].face};
            if (!every) {
                return FIXED;
            }
            bases(&whole, faces, chains, cut, true);
            left = smaller(left, unproved(&whole, faces, cut, far));
        }
        near = larger(near, left);
    }
    return near == 0.0 ? PROVED : near < 0.9 * far ? LATER : FIXED;
}

/* Let the faces move to the outer set, over the fastest: its shape contracts slowest. */
static void shaped(Faces *faces, Points outer)
{
    double far = -INFINITY;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        faces->speed[j] = faces->moves[j] ? farthest(outer, faces->normal[j]) - faces->offset[j] : 0.0;
        far = larger(far, faces->speed[j]);
    }
    far = far != 0.0 ? far : 1.0;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        faces->speed[j] = faces->moves[j] ? larger(faces->speed[j] / far, SLOWEST) : 0.0;
    }
}

/* Mark the pairs of a profile and a face that its stage payoffs lie beyond; return how many. */
static ptrdiff_t passed(bool *beyond, const Block *block, const Faces *faces)
{
    ptrdiff_t count = 0;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        double a = faces->normal[j][0], b = faces->normal[j][1], offset = faces->offset[j] + 1e-14;
        for (ptrdiff_t k = 0; k < block->size; k++) {
            double level = a * block->payoffs[k] + b * block->payoffs[block->size + k];
            beyond[j * block->size + k] = (j > 1 || faces->moves[j]) && level > offset;
            count += beyond[j * block->size + k];
        }
    }
    return count;
}

/* Keep the marks of pairs of a profile that can pass the face with some continuation in `outer`; false without
   memory. */
static bool reachable(bool *beyond, const Block *block, const Faces *faces, Points outer, const double bound[2])
{
    double low[2], threat[2], delta = block->delta[0];
    Chains chains;
    if (!chains_of(outer, &chains)) {
        return false;
    }
    lowest(outer, low);
    threat[0] = larger(bound[0], low[0]);
    threat[1] = larger(bound[1], low[1]);
    for (ptrdiff_t k = 0; k < block->size; k++) {
        double b[2], w[4][2];
        thresholds(block, k, threat, b);
        double x = b[0], y = b[1], high = value_at(&chains.side[TOP], x), far = value_at(&chains.side[RIGHT], y);
        w[0][0] = w[1][0] = x;
        w[0][1] = high;
        w[1][1] = larger(value_at(&chains.side[BOTTOM], x), y);
        w[2][0] = far;
        w[3][0] = larger(value_at(&chains.side[LEFT], y), x);
        w[2][1] = w[3][1] = y;
        bool up = x <= chains.high[0] + SLACK && high >= y - SLACK;
        bool right = y <= chains.high[1] + SLACK && far >= x - SLACK;
        for (ptrdiff_t j = 0; j < faces->size; j++) {
            bool *mark = &beyond[j * block->size + k];
            if (!*mark) {
                continue;
            }
            double p = faces->normal[j][0], q = faces->normal[j][1], best = -INFINITY;
            ptrdiff_t top = 0;
            for (ptrdiff_t n = 0; n < outer.size; n++) {
                double height = p * outer.x[n] + q * outer.y[n];
                if (height > best) {
                    best = height;
                    top = n;
                }
            }
            if (outer.x[top] < x - SLACK || outer.y[top] < y - SLACK) {
                best = -INFINITY;
                for (int n = 0; n < 4; n++) {
                    best = (n < 2 ? up : right) ? larger(best, p * w[n][0] + q * w[n][1]) : best;
                }
            }
            double now = (1.0 - delta) * (p * block->payoffs[k] + q * block->payoffs[block->size + k]);
            *mark = now + delta * best > faces->offset[j] + 1e-14;
        }
    }
    free(chains.memory);
    return true;
}

struct Room {
    Faces faces;
    Pair pairs[MOST_PAIRS];
    Cut cuts[MOST_PAIRS];
    bool beyond[MOST_FACES * MOST_PROFILES];
};

/* Judge the pairs that are marked. */
static Verdict attempt(Room *room, const bool *beyond, const Block *block, Faces *faces, const Chains *chains,
                       Points outer, double *excess)
{
    Pair *pairs = room->pairs;
    Cut *cuts = room->cuts;
    ptrdiff_t count = 0, used = 0;
    for (ptrdiff_t j = 0; j < faces->size; j++) {
        for (ptrdiff_t k = 0; k < block->size; k++) {
            if (!beyond[j * block->size + k]) {
                continue;
            }
            if (count == MOST_PAIRS) {
                return LATER;
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
    *excess = 0.0;
    if (!count) {
        return PROVED;
    }
    for (ptrdiff_t n = 0; n < count; n++) {
        if (pairs[n].least > faces->offset[pairs[n].face] + ROUNDING && !cuts[pairs[n].cut].blocked) {
            return UNFIXED;
        }
    }
    if (!faces->moves[0] && !faces->moves[1] && scaled(faces, outer) &&
        ranged(faces, chains, outer, pairs, count, cuts, false, excess) == PROVED) {
        return PROVED;
    }
    Answer found = speeds(faces, pairs, count, cuts);
    if (found == UNDECIDED) {
        return LATER;
    }
    if (found == NO) {
        if (!faces->many) {
            return FIXED;
        }
        shaped(faces, outer);
    }
    return ranged(faces, chains, outer, pairs, count, cuts, true, excess);
}

/* Make room for proofs; NULL without memory. Free it in the end. */
Room *room_for_proofs(void)
{
    return malloc(sizeof(Room));
}

/* Say whether a candidate that generates itself is all that is left of `outer`, by the faces of both if `shape`. */
Verdict verdict(Room *room, const Block *block, Points candidate, Points outer, const double bound[2], Points leaves,
                bool shape, double *excess)
{
    Faces *faces = &room->faces;
    Chains chains;
    if (!faces_of(faces, candidate, shape ? outer : (Points){0, NULL, NULL}, bound)) {
        return LATER;
    }
    for (ptrdiff_t n = 0; n < leaves.size; n++) {
        for (ptrdiff_t j = 0; j < faces->size; j++) {
            if (faces->normal[j][0] * leaves.x[n] + faces->normal[j][1] * leaves.y[n] > faces->offset[j] + ROUNDING) {
                return UNFIXED;
            }
        }
    }
    if (!chains_of(candidate, &chains)) {
        return LATER; /* Python meets it */
    }
    Verdict found = FIXED;
    bool quick = passed(room->beyond, block, faces) <= FEW_PAIRS;
    if (quick) {
        found = attempt(room, room->beyond, block, faces, &chains, outer, excess);
    }
    if (!quick || found == FIXED || found == LATER) {
        found = reachable(room->beyond, block, faces, outer, bound)
                    ? attempt(room, room->beyond, block, faces, &chains, outer, excess)
                    : LATER;
    }
    free(chains.memory);
    return found;
}
