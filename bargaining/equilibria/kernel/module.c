/* The module bargaining.equilibria._kernel. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "kernel.h"

#include <math.h>
#include <stdlib.h>

enum { INTEGER = sizeof(long) == sizeof(ptrdiff_t) ? 'l' : 'q' }; /* the kind of whole numbers */

/* Read a list of pairs of floats: false if it holds anything else, or no number, or with an exception if there is no
   memory. Free `x` in the end. */
static bool read_points(PyObject *list, Points *points)
{
    Py_ssize_t size = PyList_Check(list) ? PyList_Size(list) : -1;
    *points = (Points){0, NULL, NULL};
    if (size < 0) {
        return false;
    }
    points->x = malloc((size_t)(size + 1) * 2 * sizeof(double));
    if (!points->x) {
        PyErr_NoMemory();
        return false;
    }
    points->y = points->x + size + 1;
    points->size = size;
    for (Py_ssize_t k = 0; k < size; k++) {
        PyObject *point = PyList_GetItem(list, k);
        if (!PyTuple_Check(point) || PyTuple_Size(point) != 2) {
            return false;
        }
        PyObject *x = PyTuple_GetItem(point, 0), *y = PyTuple_GetItem(point, 1);
        if (!PyFloat_Check(x) || !PyFloat_Check(y)) {
            return false;
        }
        points->x[k] = PyFloat_AsDouble(x);
        points->y[k] = PyFloat_AsDouble(y);
        if (isnan(points->x[k]) || isnan(points->y[k])) {
            return false;
        }
    }
    return true;
}

/* Read an array of one kind of numbers that lie side by side. Release it in the end. */
static bool read_numbers(PyObject *array, char kind, bool write, int axes, Py_buffer *view)
{
    if (PyObject_GetBuffer(array, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (write ? PyBUF_WRITABLE : 0)) < 0) {
        PyErr_Clear();
        return false;
    }
    return view->format && view->format[0] == kind && !view->format[1] && view->ndim == axes;
}

/* Read a pair of floats. */
static bool read_pair(PyObject *tuple, double pair[2])
{
    for (int i = 0; i < 2; i++) {
        PyObject *number = PyTuple_Check(tuple) && PyTuple_Size(tuple) == 2 ? PyTuple_GetItem(tuple, i) : NULL;
        if (!number || !PyFloat_Check(number)) {
            return false;
        }
        pair[i] = PyFloat_AsDouble(number);
    }
    return true;
}

static bool counted(Py_ssize_t given, Py_ssize_t wanted, const char *name)
{
    if (given != wanted) {
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments; got %zd.", name, wanted, given);
    }
    return given == wanted;
}

/* None, for the twin in Python has to decide; NULL if there is an exception. */
static PyObject *undecided(void)
{
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_INCREF(Py_None);
    return Py_None;
}

static PyObject *kernel_hull(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 3, "hull")) {
        return NULL;
    }
    double merge = PyFloat_AsDouble(args[1]);
    Py_ssize_t given = PyLong_AsSsize_t(args[2]);
    Points points = {0, NULL, NULL};
    PyObject *found = NULL;
    if (PyErr_Occurred() || !read_points(args[0], &points)) {
        found = undecided();
    } else {
        ptrdiff_t *cycle = malloc((size_t)(points.size + 1) * sizeof *cycle);
        ptrdiff_t size = cycle ? hull(points, merge, given, cycle) : -1;
        found = size < 0 ? PyErr_NoMemory() : PyList_New(size);
        for (ptrdiff_t k = 0; found && k < size; k++) {
            PyList_SetItem(found, k, PyLong_FromSsize_t(cycle[k]));
        }
        free(cycle);
    }
    free(points.x);
    return found;
}

/* The points that `cycle` lists, or the first ones, as a list of pairs. */
static PyObject *listed(Points points, ptrdiff_t size, const ptrdiff_t *cycle)
{
    PyObject *list = PyList_New(size);
    for (ptrdiff_t n = 0; list && n < size; n++) {
        ptrdiff_t k = cycle ? cycle[n] : n;
        PyList_SetItem(list, n, Py_BuildValue("(dd)", points.x[k], points.y[k]));
    }
    return list;
}

/* Their tags as a list. */
static PyObject *labels(const Tag *tags, ptrdiff_t size, const ptrdiff_t *cycle)
{
    PyObject *list = PyList_New(size);
    for (ptrdiff_t n = 0; list && n < size; n++) {
        Tag tag = tags[cycle ? cycle[n] : n];
        PyList_SetItem(list, n, Py_BuildValue("(lll)", tag.kind, tag.profile, tag.source));
    }
    return list;
}

/* Apply the operator of a repeated game to a polygon: return the vertices of the image, how each is generated, and the
   profiles that can be played. */
static PyObject *kernel_image(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 9, "image")) {
        return NULL;
    }
    Py_buffer views[5] = {{0}};
    Points polygon = {0}, leaves = {0}, vertices = {0};
    Block block = {0};
    PyObject *found = NULL;
    double threat[2];
    char *alive = NULL;
    Tag *tags = NULL;
    bool floor = args[4] != Py_None, plain = read_pair(args[5], block.delta) && read_pair(args[6], threat);
    for (int n = 0; plain && n < 4 + floor; n++) {
        plain = read_numbers(args[n], n ? 'd' : INTEGER, false, n ? 2 : 1, &views[n]);
        plain = plain && (!n || (views[n].shape[0] == 2 && views[n].shape[1] == views[0].shape[0]));
    }
    if (!plain || !read_points(args[7], &polygon) || !polygon.size || !read_points(args[8], &leaves)) {
        found = undecided();
        goto done;
    }
    block.size = views[0].shape[0];
    block.index = views[0].buf;
    block.payoffs = views[1].buf;
    block.now = views[2].buf;
    block.gain = views[3].buf;
    block.floor = floor ? views[4].buf : NULL;
    size_t room = (size_t)(4 * block.size + leaves.size) + 1;
    alive = malloc(room);
    tags = malloc(room * sizeof *tags);
    vertices.x = malloc(2 * room * sizeof(double));
    vertices.y = vertices.x + room;
    if (!alive || !tags || !vertices.x || !image(&block, polygon, threat, leaves, &vertices, tags, alive)) {
        PyErr_NoMemory();
        goto done;
    }
    found = Py_BuildValue("(NNy#)", listed(vertices, vertices.size, NULL), labels(tags, vertices.size, NULL), alive,
                          block.size);
done:
    for (int n = 0; n < 5; n++) {
        PyBuffer_Release(&views[n]);
    }
    free(polygon.x);
    free(leaves.x);
    free(vertices.x);
    free(alive);
    free(tags);
    return found;
}

/* Whether the arrays of `kernel_images` fit each other. */
static bool consistent(const Py_buffer *views, Py_ssize_t states)
{
    Py_ssize_t rows = views[0].shape[1], exits = views[3].shape[0];
    const Py_ssize_t wanted[][2] = {{2, rows},  {rows, states}, {states, 2}, {exits, 2}, {states, 2},
                                    {rows, 0}, {2, rows},      {exits, 2},  {rows, 0}};
    for (int n = 0; n < 9; n++) {
        if (views[n].shape[0] != wanted[n][0] || (views[n].ndim > 1 && views[n].shape[1] != wanted[n][1])) {
            return false;
        }
    }
    const ptrdiff_t *state = views[5].buf, *group = views[6].buf;
    for (Py_ssize_t k = 0; k < rows; k++) {
        if (state[k] < (k ? state[k - 1] : 0) || state[k] >= states) {
            return false;
        }
    }
    for (Py_ssize_t k = 0; k < 2 * rows; k++) {
        if (group[k] < 0 || group[k] >= rows) {
            return false;
        }
    }
    return true;
}

/* Apply the operator of a stochastic game to a polygon of each state: return the polygons, how their vertices are
   generated, the rows that can be played, and the payoffs and tags at which a constraint binds. */
static PyObject *kernel_images(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 13, "images")) {
        return NULL;
    }
    static const char kinds[] = {'d', 'd', 'd', 'd', 'd', INTEGER, INTEGER, INTEGER, '?'};
    Py_buffer views[9] = {{0}};
    Rows rows = {.slack = PyFloat_AsDouble(args[10]), .merge = PyFloat_AsDouble(args[11])};
    Py_ssize_t states = PyList_Check(args[12]) ? PyList_Size(args[12]) : 0;
    Points *polygons = calloc((size_t)states + 1, sizeof *polygons);
    Made *made = calloc((size_t)states + 1, sizeof *made);
    PyObject *lists[4] = {NULL}, *found = NULL;
    bool plain = !PyErr_Occurred() && polygons && made && states && read_pair(args[9], rows.delta);
    for (int n = 0; plain && n < 9; n++) {
        plain = read_numbers(args[n], kinds[n], false, n == 5 || n == 8 ? 1 : 2, &views[n]);
    }
    plain = plain && consistent(views, states);
    for (Py_ssize_t s = 0; plain && s < states; s++) {
        plain = read_points(PyList_GetItem(args[12], s), &polygons[s]);
    }
    if (!plain) {
        found = undecided();
        goto done;
    }
    rows.size = views[0].shape[1];
    rows.states = states;
    rows.exits = views[3].shape[0];
    rows.now = views[0].buf;
    rows.transitions = views[1].buf;
    rows.own = views[2].buf;
    rows.ends = views[3].buf;
    rows.threat = views[4].buf;
    rows.state = views[5].buf;
    rows.group = views[6].buf;
    rows.exit = views[7].buf;
    rows.alive = views[8].buf;
    rows.played = calloc((size_t)rows.size + 1, 1);
    Answer answer = rows.played ? images(&rows, polygons, made) : NO_MEMORY;
    if (answer != YES) {
        found = answer == UNDECIDED ? undecided() : PyErr_NoMemory();
        goto done;
    }
    for (int n = 0; n < 4; n++) {
        lists[n] = PyList_New(states);
    }
    for (Py_ssize_t s = 0; lists[0] && lists[1] && lists[2] && lists[3] && s < states; s++) {
        PyList_SetItem(lists[0], s, listed(made[s].points, made[s].corners, made[s].cycle));
        PyList_SetItem(lists[1], s, labels(made[s].tags, made[s].corners, made[s].cycle));
        PyList_SetItem(lists[2], s, listed(made[s].points, made[s].held, NULL));
        PyList_SetItem(lists[3], s, labels(made[s].tags, made[s].held, NULL));
    }
    found = Py_BuildValue("(OOy#OO)", lists[0], lists[1], rows.played, rows.size, lists[2], lists[3]);
done:
    for (int n = 0; n < 9; n++) {
        PyBuffer_Release(&views[n]);
    }
    for (Py_ssize_t s = 0; polygons && made && s < states; s++) {
        free(polygons[s].x);
        free(made[s].points.x);
        free(made[s].tags);
        free(made[s].cycle);
    }
    for (int n = 0; n < 4; n++) {
        Py_XDECREF(lists[n]);
    }
    free(polygons);
    free(made);
    free(rows.played);
    return found;
}

/* Whether the arrays of `kernel_search` fit each other. */
static bool fitting(const Py_buffer *views, bool leaving)
{
    const Py_ssize_t *shape = views[0].shape;
    bool out = shape[0] == (leaving ? 5 : 4) && shape[2] == 2 && shape[3] > 0;
    for (int n = 1; n < 5; n++) {
        Py_ssize_t width = (Py_ssize_t[]){2, 2, 1 + 2 * MOST_VERTICES, 4 + 2 * MOST_VERTICES}[n - 1];
        out = out && views[n].shape[0] == shape[1] && views[n].shape[1] == width;
    }
    return out;
}

/* Search for the payoff sets of many games of equally many profiles: of each, write its vertices and the bound, and
   how it ended, the applications, the solves, how many vertices, and the kind and profile of each. */
static PyObject *kernel_search(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 6, "search")) {
        return NULL;
    }
    Py_buffer views[5] = {{0}};
    PyObject *found = NULL;
    ptrdiff_t *index = NULL;
    Room *room = NULL;
    int leaving = PyObject_IsTrue(args[5]);
    bool plain = leaving >= 0 && read_numbers(args[0], 'd', false, 4, &views[0]);
    for (int n = 1; n < 5; n++) {
        plain = plain && read_numbers(args[n], n == 4 ? INTEGER : 'd', n > 2, 2, &views[n]);
    }
    if (!plain || !fitting(views, leaving)) {
        found = undecided();
        goto done;
    }
    ptrdiff_t games = views[0].shape[1], size = views[0].shape[3], rows = games * 2 * size;
    index = malloc((size_t)size * sizeof *index);
    room = room_for_proofs();
    if (!index || !room) {
        PyErr_NoMemory();
        goto done;
    }
    for (ptrdiff_t k = 0; k < size; k++) {
        index[k] = k;
    }
    for (ptrdiff_t g = 0; g < games; g++) {
        const double *first = (const double *)views[0].buf + g * 2 * size;
        const double *delta = (const double *)views[1].buf + 2 * g;
        double own[2] = {-INFINITY, -INFINITY}, *numbers = (double *)views[3].buf + g * views[3].shape[1];
        double *end = (double *)views[2].buf + 2 * g;
        ptrdiff_t *out = (ptrdiff_t *)views[4].buf + g * views[4].shape[1];
        const double *floor = leaving ? first + 4 * rows : NULL;
        Block block = {size,  first, first + rows, first + 2 * rows, first + 3 * rows,
                       floor, index, {delta[0], delta[1]}};
        Found one;
        for (int i = 0; i < 2 && leaving; i++) {
            own[i] = end[i];
        }
        search(room, &block, (Points){leaving, end, end + 1}, own, &one);
        out[0] = one.ended;
        out[1] = one.iterations;
        out[2] = one.solves;
        out[3] = one.size;
        numbers[2 * MOST_VERTICES] = one.bound;
        for (ptrdiff_t k = 0; k < one.size; k++) {
            numbers[2 * k] = one.x[k];
            numbers[2 * k + 1] = one.y[k];
            out[4 + 2 * k] = one.tags[k].kind;
            out[5 + 2 * k] = one.tags[k].profile;
        }
    }
    found = PyBool_FromLong(1);
done:
    for (int n = 0; n < 5; n++) {
        PyBuffer_Release(&views[n]);
    }
    free(index);
    free(room);
    return found;
}

static const char TREE[] = "bargaining tree"; /* the name of its capsules */

static void fell_capsule(PyObject *capsule)
{
    fell(PyCapsule_GetPointer(capsule, TREE));
}

/* Make a tree of points, the rows of an array. */
static PyObject *kernel_tree(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 1, "tree")) {
        return NULL;
    }
    Py_buffer view = {0};
    PyObject *found = NULL;
    bool plain = read_numbers(args[0], 'd', false, 2, &view) && view.shape[0] && view.shape[1];
    for (Py_ssize_t k = 0; plain && k < view.shape[0] * view.shape[1]; k++) {
        plain = isfinite(((const double *)view.buf)[k]);
    }
    if (!plain) {
        found = undecided();
    } else {
        Tree *tree = planted(view.buf, view.shape[0], view.shape[1]);
        found = tree ? PyCapsule_New(tree, TREE, fell_capsule) : PyErr_NoMemory();
        if (tree && !found) {
            fell(tree);
        }
    }
    PyBuffer_Release(&view);
    return found;
}

/* Write for each row of directions which point of a tree, besides one, is the farthest, and its value. */
static PyObject *kernel_farthest(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 5, "farthest")) {
        return NULL;
    }
    static const char kinds[] = {'d', INTEGER, INTEGER, 'd'};
    Py_buffer views[4] = {{0}};
    bool plain = PyCapsule_IsValid(args[0], TREE);
    for (int n = 0; plain && n < 4; n++) {
        plain = read_numbers(args[n + 1], kinds[n], n > 1, n ? 1 : 2, &views[n]);
        plain = plain && views[n].shape[0] == views[0].shape[0];
    }
    const Tree *tree = plain ? PyCapsule_GetPointer(args[0], TREE) : NULL;
    plain = plain && views[0].shape[1] == axes_of(tree);
    if (plain) {
        find_farthest(tree, views[0].buf, views[0].shape[0], views[1].buf, views[2].buf, views[3].buf);
    }
    for (int n = 0; n < 4; n++) {
        PyBuffer_Release(&views[n]);
    }
    return plain ? PyBool_FromLong(1) : undecided();
}

/* Write the best profile in each direction and the solution of its program; return how many were solved. */
static PyObject *kernel_winners(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 18, "winners")) {
        return NULL;
    }
    enum { NOW, DISCOUNTS, CHANCES, VIEWS, WEIGHTS, LIMITS, FEASIBLE, PLAYABLE, DIRECTIONS, KNOWN, VALUES, OWNERS,
           MULTIPLIERS, COLUMNS, LEVELS, ARRAYS };
    static const char kinds[] = {'d', 'd', 'd', 'd', 'd', 'd', INTEGER, '?',
                                 'd', 'd', 'd', INTEGER, 'd', INTEGER, 'd'};
    static const int axes[] = {2, 1, 2, 2, 3, 2, 2, 1, 2, 3, 1, 1, 2, 2, 2};
    Py_buffer views[ARRAYS] = {{0}};
    PyObject *result = NULL;
    int at_once = PyObject_IsTrue(args[16]), thorough = PyObject_IsTrue(args[17]);
    bool plain = at_once >= 0 && thorough >= 0 && PyCapsule_IsValid(args[0], TREE);
    for (int n = 0; plain && n < ARRAYS; n++) {
        plain = read_numbers(args[n + 1], kinds[n], n >= KNOWN, axes[n], &views[n]);
    }
    const Tree *tree = plain ? PyCapsule_GetPointer(args[0], TREE) : NULL;
    if (plain) {
        Py_ssize_t profiles = views[NOW].shape[0], players = views[NOW].shape[1], signals = views[CHANCES].shape[1];
        Py_ssize_t rows = views[VIEWS].shape[0], size = views[DIRECTIONS].shape[0], m = signals + rows;
        const Py_ssize_t wanted[ARRAYS][3] = {{profiles, players}, {players}, {profiles, signals}, {rows, players},
                                              {profiles, rows, signals}, {profiles, rows}, {profiles, m}, {profiles},
                                              {size, players}, {profiles, size, rows}, {size}, {size}, {size, rows},
                                              {size, m}, {size, m}};
        for (int n = 0; n < ARRAYS; n++) {
            for (int axis = 0; axis < axes[n]; axis++) {
                plain = plain && views[n].shape[axis] == wanted[n][axis];
            }
        }
        plain = plain && profiles && signals && players == axes_of(tree);
        const ptrdiff_t *feasible = views[FEASIBLE].buf;
        for (Py_ssize_t k = 0; plain && k < profiles * m; k++) {
            plain = feasible[k] >= 0 && feasible[k] < signals * size_of(tree) + 2 * rows;
        }
        if (plain) {
            Programs programs = {profiles, signals, rows, players, size_of(tree), tree, views[NOW].buf,
                                 views[DISCOUNTS].buf, views[CHANCES].buf, views[VIEWS].buf, views[WEIGHTS].buf,
                                 views[LIMITS].buf, feasible, views[PLAYABLE].buf};
            Winners found = {size, at_once, thorough, views[DIRECTIONS].buf, views[KNOWN].buf, views[VALUES].buf,
                             views[MULTIPLIERS].buf, views[LEVELS].buf, views[OWNERS].buf, views[COLUMNS].buf};
            ptrdiff_t solved = winners(&programs, &found);
            result = solved == NO_MEMORY ? PyErr_NoMemory() : solved < 0 ? undecided() : PyLong_FromSsize_t(solved);
        }
    }
    for (int n = 0; n < ARRAYS; n++) {
        PyBuffer_Release(&views[n]);
    }
    return plain ? result : undecided();
}

static PyMethodDef methods[] = {
    {"farthest", (PyCFunction)(void (*)(void))kernel_farthest, METH_FASTCALL, NULL},
    {"hull", (PyCFunction)(void (*)(void))kernel_hull, METH_FASTCALL, NULL},
    {"image", (PyCFunction)(void (*)(void))kernel_image, METH_FASTCALL, NULL},
    {"images", (PyCFunction)(void (*)(void))kernel_images, METH_FASTCALL, NULL},
    {"search", (PyCFunction)(void (*)(void))kernel_search, METH_FASTCALL, NULL},
    {"tree", (PyCFunction)(void (*)(void))kernel_tree, METH_FASTCALL, NULL},
    {"winners", (PyCFunction)(void (*)(void))kernel_winners, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_kernel",
    .m_doc = "Inner loops of the solvers of repeated and stochastic games; each has a twin in Python that decides where it returns None.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
