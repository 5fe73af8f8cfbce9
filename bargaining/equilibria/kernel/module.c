/* The module bargaining.equilibria._kernel. */

#include "convert.h"

#include <math.h>
#include <stdlib.h>

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
    if (PyErr_Occurred() || read_points(args[0], &points) != YES) {
        found = undecided();
    } else {
        ptrdiff_t *cycle = malloc((size_t)(points.size + 1) * sizeof *cycle);
        found = numbers_of(cycle, cycle ? hull(points, merge, given, cycle) : -1);
        free(cycle);
    }
    free(points.x);
    return found;
}

static PyObject *kernel_image(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 3, "image")) {
        return NULL;
    }
    Held held;
    Points polygon = {0, NULL, NULL}, vertices = {0, NULL, NULL};
    Tag *tags = NULL;
    char *alive = NULL;
    double threat[2];
    PyObject *found = NULL;
    if (read_block(args[0], &held) != YES || read_points(args[1], &polygon) != YES || !polygon.size ||
        !read_pair(args[2], threat)) {
        found = undecided();
        goto done;
    }
    size_t room = (size_t)(held.leaves.size + 4 * held.block.size + 1);
    vertices.x = malloc(2 * room * sizeof(double));
    tags = malloc(room * sizeof *tags);
    alive = malloc((size_t)held.block.size + 1);
    if (vertices.x && tags && alive) {
        vertices.y = vertices.x + room;
        if (image(&held.block, polygon, threat, held.leaves, held.numbers, &vertices, tags, alive) >= 0) {
            found = Py_BuildValue("(NNy#)", points_of(vertices), tags_of(tags, vertices.size), alive,
                                  (Py_ssize_t)held.block.size);
            goto done;
        }
    }
    PyErr_NoMemory();
done:
    release(&held);
    free(polygon.x);
    free(vertices.x);
    free(tags);
    free(alive);
    return found;
}

static PyObject *kernel_newton(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 5, "newton")) {
        return NULL;
    }
    Held held;
    Points polygon = {0, NULL, NULL};
    Tag *tags = NULL;
    double bound[2];
    long steps = PyLong_AsLong(args[4]);
    PyObject *found = NULL;
    if (read_block(args[0], &held) != YES || read_points(args[1], &polygon) != YES || !polygon.size ||
        read_tags(args[2], polygon.size, held.block.size, &tags) != YES || !read_pair(args[3], bound)) {
        found = undecided();
    } else {
        switch (newton(&held.block, &polygon, tags, bound, (int)steps)) {
        case YES:
            found = Py_BuildValue("(NN)", points_of(polygon), tags_of(tags, polygon.size));
            break;
        case NO:
            found = PyBool_FromLong(0);
            break;
        case UNDECIDED:
            found = undecided();
            break;
        case NO_MEMORY:
            PyErr_NoMemory();
        }
    }
    release(&held);
    free(polygon.x);
    free(tags);
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
    bool plain = leaving >= 0 && read_numbers(args[0], false, false, 4, &views[0]);
    for (int n = 1; n < 5; n++) {
        plain = plain && read_numbers(args[n], n == 4, n > 2, 2, &views[n]);
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

static PyMethodDef methods[] = {
    {"hull", (PyCFunction)(void (*)(void))kernel_hull, METH_FASTCALL, NULL},
    {"image", (PyCFunction)(void (*)(void))kernel_image, METH_FASTCALL, NULL},
    {"newton", (PyCFunction)(void (*)(void))kernel_newton, METH_FASTCALL, NULL},
    {"search", (PyCFunction)(void (*)(void))kernel_search, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_kernel",
    .m_doc = "Inner loops of the solver of repeated games; each has a twin in Python that decides where it returns None.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
