/* Reads the model of a stochastic game. */

#include "convert.h"

#include <stdlib.h>
#include <string.h>

#define CAPSULE "bargaining.equilibria._kernel.rows"

enum { PARTS = 16 };

/* A game's rows and the memory they are in. */
typedef struct {
    Rows rows;
    void *memory[PARTS];
    int parts;
} Kept;

static void forget(Kept *kept)
{
    for (int n = 0; kept && n < kept->parts; n++) {
        free(kept->memory[n]);
    }
    free(kept);
}

static void forget_capsule(PyObject *capsule)
{
    forget(PyCapsule_GetPointer(capsule, CAPSULE));
}

static void *keep(Kept *kept, size_t size)
{
    void *memory = malloc(size + 1);
    if (memory) {
        kept->memory[kept->parts++] = memory;
    } else {
        PyErr_NoMemory();
    }
    return memory;
}

/* Copy an attribute that is an array of doubles or indices, with `more` items to spare. The shape has to be the one
   given, where that is not negative, and is written there; the second axis is 0 if there is none. */
static void *array(Kept *kept, PyObject *owner, const char *name, char kind, Py_ssize_t shape[2], size_t more)
{
    Py_buffer view;
    PyObject *object = PyObject_GetAttrString(owner, name);
    int got = object ? PyObject_GetBuffer(object, &view, PyBUF_FORMAT | PyBUF_STRIDES) : -1;
    Py_XDECREF(object);
    if (got < 0) {
        return NULL;
    }
    char *copy = NULL;
    size_t width = kind == 'd' ? sizeof(double) : sizeof(ptrdiff_t);
    bool plain = holds(&view, kind);
    for (int n = 0; plain && n < 2; n++) {
        plain = n < view.ndim ? shape[n] < 0 || shape[n] == view.shape[n] : shape[n] == 0;
        shape[n] = n < view.ndim ? view.shape[n] : 0;
    }
    if (plain && view.ndim <= 2 && (size_t)view.itemsize == width) {
        Py_ssize_t columns = view.ndim == 2 ? shape[1] : 1, across = view.ndim == 2 ? view.strides[1] : 0;
        copy = keep(kept, ((size_t)(shape[0] * columns) + more) * width);
        for (Py_ssize_t n = 0; copy && n < shape[0] * columns; n++) {
            const char *from = (const char *)view.buf + n / columns * view.strides[0] + n % columns * across;
            memcpy(copy + (size_t)n * width, from, width);
        }
    }
    PyBuffer_Release(&view);
    return copy;
}

static bool within(const ptrdiff_t *numbers, ptrdiff_t size, ptrdiff_t least, ptrdiff_t limit)
{
    for (ptrdiff_t k = 0; k < size; k++) {
        if (numbers[k] < least || numbers[k] >= limit) {
            return false;
        }
    }
    return true;
}

static bool increasing(const ptrdiff_t *numbers, ptrdiff_t size)
{
    for (ptrdiff_t k = 1; k < size; k++) {
        if (numbers[k] < numbers[k - 1]) {
            return false;
        }
    }
    return true;
}

static bool keep_replies(Kept *kept, PyObject *pair)
{
    Rows *rows = &kept->rows;
    if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        PyObject *one = PyTuple_GetItem(pair, i);
        Py_ssize_t size[2] = {rows->size, 0}, groups[2] = {-1, 0};
        rows->replies[i].group = array(kept, one, "group", 'n', size, 0);
        rows->replies[i].order = array(kept, one, "order", 'n', size, 0);
        ptrdiff_t *starts = array(kept, one, "starts", 'n', groups, 1);
        rows->replies[i].starts = starts;
        if (!rows->replies[i].group || !rows->replies[i].order || !starts) {
            return false;
        }
        starts[groups[0]] = rows->size;
        if (!within(rows->replies[i].group, rows->size, 0, groups[0]) ||
            !within(rows->replies[i].order, rows->size, 0, rows->size) ||
            !within(starts, groups[0], 0, rows->size) || !increasing(starts, groups[0])) {
            return false;
        }
    }
    return true;
}

static bool keep_leave(PyObject *leave, double *x, double *y, long *out)
{
    double pair[2];
    Py_INCREF(leave);
    PyObject *payoffs = PyObject_GetAttrString(leave, "payoffs"), *number = PyObject_GetAttrString(leave, "number");
    bool plain = payoffs && number && PyLong_Check(number) && read_pair(payoffs, pair);
    if (plain) {
        *x = pair[0];
        *y = pair[1];
        *out = PyLong_AsLong(number);
    }
    Py_XDECREF(payoffs);
    Py_XDECREF(number);
    Py_DECREF(leave);
    return plain && !PyErr_Occurred();
}

/* Keep the outcomes of leaving: a list of `Leave` for each state. */
static bool keep_leaves(Kept *kept, PyObject *lists)
{
    Rows *rows = &kept->rows;
    ptrdiff_t states = rows->states, total = 0;
    ptrdiff_t *left = keep(kept, (size_t)(states + 1) * sizeof *left);
    if (!left || !PyList_Check(lists) || PyList_Size(lists) != states) {
        return false;
    }
    for (ptrdiff_t s = 0; s <= states; s++) {
        left[s] = total;
        PyObject *some = s < states ? PyList_GetItem(lists, s) : NULL;
        if (some && !PyList_Check(some)) {
            return false;
        }
        total += some ? PyList_Size(some) : 0;
    }
    double *x = keep(kept, (size_t)(2 * total) * sizeof *x);
    long *numbers = keep(kept, (size_t)total * sizeof *numbers);
    if (!x || !numbers) {
        return false;
    }
    for (ptrdiff_t s = 0, k = 0; s < states; s++) {
        for (ptrdiff_t n = 0; k < left[s + 1]; n++, k++) {
            PyObject *some = PyList_GetItem(lists, s); /* looked up anew: attributes may be code that changes lists */
            PyObject *leave = some && PyList_Check(some) ? PyList_GetItem(some, n) : NULL;
            if (!leave || !keep_leave(leave, &x[k], &x[k + total], &numbers[k])) {
                return false;
            }
        }
    }
    rows->left = left;
    rows->numbers = numbers;
    rows->leaves = (Points){total, x, x + total};
    return true;
}

static bool read_number(PyObject *owner, const char *name, double *out)
{
    PyObject *number = PyObject_GetAttrString(owner, name);
    *out = number ? PyFloat_AsDouble(number) : -1.0;
    Py_XDECREF(number);
    return !PyErr_Occurred();
}

static bool keep_rows(Kept *kept, PyObject *model)
{
    Rows *rows = &kept->rows;
    Py_ssize_t payoffs[2] = {2, -1}, laws[2] = {-1, -1}, discounts[2] = {2, 1};
    rows->now = array(kept, model, "now", 'd', payoffs, 0);
    rows->shares = array(kept, model, "laws", 'd', laws, 0);
    const double *delta = array(kept, model, "discounts", 'd', discounts, 0);
    if (!rows->now || !rows->shares || !delta) {
        return false;
    }
    rows->size = payoffs[1];
    rows->laws = laws[0];
    rows->states = laws[1];
    Py_ssize_t size[2] = {rows->size, 0}, own[2] = {rows->states, 2};
    rows->own = array(kept, model, "own", 'd', own, 0);
    rows->state = array(kept, model, "state", 'n', size, 0);
    rows->law = array(kept, model, "law", 'n', size, 0);
    if (!rows->own || !rows->state || !rows->law || !within(rows->state, rows->size, 0, rows->states) ||
        !increasing(rows->state, rows->size) || !within(rows->law, rows->size, 0, rows->laws)) {
        return false;
    }
    memcpy(rows->delta, delta, sizeof rows->delta);
    double common;
    if (!read_number(model, "slack", &rows->slack) || !read_number(model, "merge", &rows->merge) ||
        !read_number(model, "common", &common)) {
        return false;
    }
    rows->common = common != 0.0;
    PyObject *replies = PyObject_GetAttrString(model, "replies"), *leaves = PyObject_GetAttrString(model, "leaves");
    bool kept_all = replies && leaves && keep_replies(kept, replies) && keep_leaves(kept, leaves);
    Py_XDECREF(replies);
    Py_XDECREF(leaves);
    return kept_all;
}

/* Read a model once for all calls; None if it is not plain. */
PyObject *kernel_rows(PyObject *self, PyObject *model)
{
    (void)self;
    PyObject *capsule = NULL;
    Kept *kept = calloc(1, sizeof *kept);
    if (!kept) {
        return PyErr_NoMemory();
    }
    if (keep_rows(kept, model)) {
        capsule = PyCapsule_New(kept, CAPSULE, forget_capsule);
    } else if (!PyErr_Occurred() || !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        capsule = undecided();
    }
    if (!capsule || capsule == Py_None) {
        forget(kept);
    }
    return capsule;
}

/* Rows that were read before; NULL if the object is something else. */
const Rows *rows_of(PyObject *capsule)
{
    const Kept *kept = PyCapsule_IsValid(capsule, CAPSULE) ? PyCapsule_GetPointer(capsule, CAPSULE) : NULL;
    return kept ? &kept->rows : NULL;
}
