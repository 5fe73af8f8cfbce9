/* Between Python's objects and plain arrays. */

#include "convert.h"

#include <math.h>
#include <stdlib.h>

static const char *const names[] = {"payoffs", "best", "now", "gain", "discounts", "index", "floor"};

/* Read a list of pairs of floats: NO if it holds anything else, or no number; NO_MEMORY with an exception. Free `x` in
   the end. */
Answer read_points(PyObject *list, Points *points)
{
    Py_ssize_t size = PyList_Check(list) ? PyList_Size(list) : -1;
    *points = (Points){0, NULL, NULL};
    if (size < 0) {
        return NO;
    }
    points->x = malloc((size_t)(size + 1) * 2 * sizeof(double));
    if (!points->x) {
        PyErr_NoMemory();
        return NO_MEMORY;
    }
    points->y = points->x + size + 1;
    points->size = size;
    for (Py_ssize_t k = 0; k < size; k++) {
        PyObject *point = PyList_GetItem(list, k);
        if (!PyTuple_Check(point) || PyTuple_Size(point) != 2) {
            return NO;
        }
        PyObject *x = PyTuple_GetItem(point, 0), *y = PyTuple_GetItem(point, 1);
        if (!PyFloat_Check(x) || !PyFloat_Check(y)) {
            return NO;
        }
        points->x[k] = PyFloat_AsDouble(x);
        points->y[k] = PyFloat_AsDouble(y);
        if (isnan(points->x[k]) || isnan(points->y[k])) {
            return NO;
        }
    }
    return YES;
}

/* Read how each of `size` vertices is generated: NO if by what the kernel does not know. Free it in the end. */
Answer read_tags(PyObject *list, ptrdiff_t size, ptrdiff_t profiles, Tag **out)
{
    *out = NULL;
    if (!PyList_Check(list) || PyList_Size(list) != size) {
        return NO;
    }
    Tag *tags = *out = malloc((size_t)(size + 1) * sizeof *tags);
    if (!tags) {
        PyErr_NoMemory();
        return NO_MEMORY;
    }
    for (Py_ssize_t k = 0; k < size; k++) {
        PyObject *tag = PyList_GetItem(list, k);
        long numbers[3];
        if (!PyTuple_Check(tag) || PyTuple_Size(tag) != 3) {
            return NO;
        }
        for (int n = 0; n < 3; n++) {
            numbers[n] = PyLong_AsLong(PyTuple_GetItem(tag, n));
        }
        if (PyErr_Occurred()) {
            PyErr_Clear();
            return NO;
        }
        tags[k] = (Tag){numbers[0], numbers[1], numbers[2]};
        bool played = numbers[0] >= TOP && numbers[0] <= STATIC && numbers[1] >= 0 && numbers[1] < profiles;
        if (!played && numbers[0] != LEAVE) {
            return NO;
        }
    }
    return YES;
}

void release(Held *held)
{
    for (int n = 0; n < ARRAYS; n++) {
        PyBuffer_Release(&held->views[n]); /* does nothing to one that was never filled */
    }
    free(held->leaves.x);
    free(held->numbers);
}

static bool of_kind(const Py_buffer *view, char kind, int axes)
{
    return view->format && view->format[0] == kind && !view->format[1] && view->ndim == axes;
}

/* Read an array of one kind of numbers that lie side by side. Release it in the end. */
bool read_numbers(PyObject *array, char kind, bool write, int axes, Py_buffer *view)
{
    if (PyObject_GetBuffer(array, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (write ? PyBUF_WRITABLE : 0)) < 0) {
        PyErr_Clear();
        return false;
    }
    return of_kind(view, kind, axes);
}

/* Read an attribute that is a plain array, of any width where `width` is negative. Its numbers lie side by side, but
   for those of the discount factors: both players may share one of these in memory. */
static Answer read_array(PyObject *object, int name, int axes, Py_ssize_t width, Py_buffer *view)
{
    int flags = PyBUF_FORMAT | (name == DISCOUNTS ? PyBUF_STRIDES : PyBUF_C_CONTIGUOUS);
    PyObject *array = PyObject_GetAttrString(object, names[name]);
    int got = array ? PyObject_GetBuffer(array, view, flags) : -1;
    Py_XDECREF(array);
    if (got < 0) {
        PyErr_Clear();
        return NO;
    }
    return of_kind(view, axes == 2 ? 'd' : INTEGER, axes) && (axes == 1 || view->shape[0] == 2) && (width < 0 || view->shape[axes - 1] == width) ? YES : NO;
}

/* Read a tuple of `Leave`: NO if it holds anything else, NO_MEMORY with an exception. */
static Answer read_leaves(PyObject *tuple, Held *held)
{
    if (!PyTuple_Check(tuple)) {
        return NO;
    }
    Py_ssize_t size = PyTuple_Size(tuple);
    PyObject *points = PyList_New(size);
    held->numbers = malloc((size_t)(size + 1) * sizeof *held->numbers);
    if (!points || !held->numbers) {
        Py_XDECREF(points);
        PyErr_NoMemory();
        return NO_MEMORY;
    }
    for (Py_ssize_t k = 0; k < size; k++) {
        PyObject *leave = PyTuple_GetItem(tuple, k), *number = PyObject_GetAttrString(leave, "number");
        PyObject *payoffs = PyObject_GetAttrString(leave, "payoffs");
        held->numbers[k] = number ? PyLong_AsLong(number) : -1;
        Py_XDECREF(number);
        PyList_SetItem(points, k, payoffs); /* takes the reference over */
    }
    Answer answer = PyErr_Occurred() ? NO : read_points(points, &held->leaves);
    if (answer == NO) {
        PyErr_Clear();
    }
    Py_DECREF(points);
    return answer;
}

/* Read a `Block`: NO if it is not plain. Release it in the end. */
Answer read_block(PyObject *object, Held *held)
{
    *held = (Held){0};
    Py_ssize_t size = -1;
    for (int n = 0; n < FLOOR; n++) {
        Py_ssize_t width = n == DISCOUNTS ? 1 : size;
        if (read_array(object, n, n == INDEX ? 1 : 2, width, &held->views[n]) != YES) {
            return NO;
        }
        size = held->views[PAYOFFS].shape[1];
    }
    PyObject *floor = PyObject_GetAttrString(object, names[FLOOR]);
    PyObject *leaves = PyObject_GetAttrString(object, "leaves");
    Answer answer = floor && leaves ? read_leaves(leaves, held) : NO;
    if (answer == YES && floor != Py_None) {
        answer = read_array(object, FLOOR, 2, size, &held->views[FLOOR]);
    }
    Py_XDECREF(floor);
    Py_XDECREF(leaves);
    if (answer != YES) {
        if (answer == NO) {
            PyErr_Clear();
        }
        return answer;
    }
    const char *discounts = held->views[DISCOUNTS].buf;
    held->block = (Block){
        size,
        held->views[PAYOFFS].buf,
        held->views[BEST].buf,
        held->views[NOW].buf,
        held->views[GAIN].buf,
        held->views[FLOOR].buf,
        held->views[INDEX].buf,
        {*(const double *)discounts, *(const double *)(discounts + held->views[DISCOUNTS].strides[0])},
    };
    return YES;
}

/* Read a pair of floats. */
bool read_pair(PyObject *tuple, double pair[2])
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

bool counted(Py_ssize_t given, Py_ssize_t wanted, const char *name)
{
    if (given != wanted) {
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments; got %zd.", name, wanted, given);
    }
    return given == wanted;
}

/* None, for the twin in Python has to decide; NULL if there is an exception. */
PyObject *undecided(void)
{
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_INCREF(Py_None);
    return Py_None;
}

/* Put an item into a list, and give the list back; NULL if there is no item. */
static PyObject *with(PyObject *list, Py_ssize_t k, PyObject *item)
{
    if (!item) {
        Py_DECREF(list);
        return NULL;
    }
    PyList_SetItem(list, k, item);
    return list;
}

PyObject *numbers_of(const ptrdiff_t *numbers, ptrdiff_t size)
{
    if (size < 0) {
        return PyErr_NoMemory();
    }
    PyObject *list = PyList_New(size);
    for (ptrdiff_t k = 0; list && k < size; k++) {
        list = with(list, k, PyLong_FromSsize_t(numbers[k]));
    }
    return list;
}

PyObject *points_of(Points points)
{
    PyObject *list = PyList_New(points.size);
    for (ptrdiff_t k = 0; list && k < points.size; k++) {
        list = with(list, k, Py_BuildValue("(dd)", points.x[k], points.y[k]));
    }
    return list;
}

PyObject *tags_of(const Tag *tags, ptrdiff_t size)
{
    PyObject *list = PyList_New(size);
    for (ptrdiff_t k = 0; list && k < size; k++) {
        list = with(list, k, Py_BuildValue("(lll)", tags[k].kind, tags[k].profile, tags[k].source));
    }
    return list;
}
