/* The module bargaining.equilibria._kernel. */

#include "convert.h"

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

static PyMethodDef methods[] = {
    {"hull", (PyCFunction)(void (*)(void))kernel_hull, METH_FASTCALL, NULL},
    {"image", (PyCFunction)(void (*)(void))kernel_image, METH_FASTCALL, NULL},
    {"newton", (PyCFunction)(void (*)(void))kernel_newton, METH_FASTCALL, NULL},
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
