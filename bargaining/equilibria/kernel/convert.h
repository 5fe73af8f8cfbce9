/* Between Python's objects and plain arrays. */

#ifndef BARGAINING_CONVERT_H
#define BARGAINING_CONVERT_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "kernel.h"

enum { INTEGER = sizeof(long) == sizeof(ptrdiff_t) ? 'l' : 'q' }; /* the kind of whole numbers */
enum { PAYOFFS, BEST, NOW, GAIN, DISCOUNTS, INDEX, FLOOR, ARRAYS };

/* A `Block` of Python and what it holds on to. */
typedef struct {
    Block block;
    Points leaves;
    long *numbers; /* of the outcomes of leaving */
    Py_buffer views[ARRAYS];
} Held;

/* Readers say NO if an object is not plain, and NO_MEMORY with an exception. */
Answer read_points(PyObject *list, Points *points);
Answer read_tags(PyObject *list, ptrdiff_t size, ptrdiff_t profiles, Tag **out);
Answer read_block(PyObject *object, Held *held);
void release(Held *held);
bool read_numbers(PyObject *array, char kind, bool write, int axes, Py_buffer *view);
bool read_pair(PyObject *tuple, double pair[2]);
bool counted(Py_ssize_t given, Py_ssize_t wanted, const char *name);

PyObject *undecided(void);
PyObject *numbers_of(const ptrdiff_t *numbers, ptrdiff_t size);
PyObject *points_of(Points points);
PyObject *tags_of(const Tag *tags, ptrdiff_t size);

#endif
