/* The functions of the module that are for stochastic games. */

#include "convert.h"

#include <math.h>
#include <stdlib.h>

/* Read a list of polygons, not all of them empty: NO if it is not plain. Free `first` and the vertices' `x`. */
static Answer read_sets(PyObject *list, ptrdiff_t states, Sets *sets)
{
    *sets = (Sets){states, NULL, {0, NULL, NULL}};
    if (!PyList_Check(list) || PyList_Size(list) != states) {
        return NO;
    }
    PyObject *all = PyList_New(0);
    ptrdiff_t *first = sets->first = calloc((size_t)(states + 1), sizeof *first);
    if (!all || !first) {
        Py_XDECREF(all);
        PyErr_NoMemory();
        return NO_MEMORY;
    }
    Answer answer = YES;
    for (ptrdiff_t s = 0; s < states && answer == YES; s++) {
        PyObject *polygon = PyList_GetItem(list, s);
        answer = !PyList_Check(polygon) ? NO : PyList_SetSlice(all, first[s], first[s], polygon) ? NO_MEMORY : YES;
        first[s + 1] = PyList_Size(all);
    }
    if (answer == YES) {
        answer = read_points(all, &sets->vertices);
    }
    Py_DECREF(all);
    for (ptrdiff_t k = 0; answer == YES && k < sets->vertices.size; k++) {
        answer = isfinite(sets->vertices.x[k]) && isfinite(sets->vertices.y[k]) ? YES : NO;
    }
    return answer == YES && !sets->vertices.size ? NO : answer;
}

/* Look into a contiguous array of so many items; NULL if it is something else. Release the view in the end. */
static const void *look(PyObject *object, char kind, size_t size, Py_buffer *view)
{
    if (PyObject_GetBuffer(object, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) {
        PyErr_Clear();
        return NULL;
    }
    return holds(view, kind) && (size_t)view->len == size * (kind == 'd' ? sizeof(double) : 1) ? view->buf : NULL;
}

/* For each state, a list of points and a list of tags. */
static PyObject *lists_of(const Made *made, ptrdiff_t states)
{
    PyObject *list = PyList_New(states);
    for (ptrdiff_t s = 0; list && s < states; s++) {
        ptrdiff_t start = made->first[s], size = made->first[s + 1] - start;
        Points points = {size, made->points.x + start, made->points.y + start};
        PyObject *pair = Py_BuildValue("(NN)", points_of(points), tags_of(made->tags + start, size));
        if (!pair) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SetItem(list, s, pair);
    }
    return list;
}

static void forget_made(Made *made)
{
    free(made->points.x);
    free(made->tags);
    free(made->first);
}

PyObject *kernel_images(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 4, "images")) {
        return NULL;
    }
    const Rows *rows = rows_of(args[0]);
    Sets sets = {0, NULL, {0, NULL, NULL}};
    Py_buffer threats = {0}, lives = {0};
    Made corners = {0}, held = {0};
    const double *threat;
    const char *live;
    char *alive = NULL;
    PyObject *found = NULL;
    if (!rows || read_sets(args[1], rows->states, &sets) != YES ||
        !(threat = look(args[2], 'd', (size_t)(2 * rows->states), &threats)) ||
        !(live = look(args[3], '?', (size_t)rows->size, &lives))) {
        found = undecided();
    } else if (!(alive = malloc((size_t)rows->size + 1)) ||
               !images(rows, &sets, threat, live, &corners, &held, alive)) {
        PyErr_NoMemory();
    } else {
        found = Py_BuildValue("(NNy#)", lists_of(&corners, rows->states), lists_of(&held, rows->states), alive,
                              (Py_ssize_t)rows->size);
    }
    PyBuffer_Release(&threats);
    PyBuffer_Release(&lives);
    free(sets.first);
    free(sets.vertices.x);
    forget_made(&corners);
    forget_made(&held);
    free(alive);
    return found;
}

/* Read how each vertex is generated and a direction in which it is the farthest: NO if that is not plain. */
static Answer read_kinds(PyObject *list, PyObject *directions, const Rows *rows, ptrdiff_t size, Tag **tags,
                         double **angles)
{
    if (!PyList_Check(directions) || PyList_Size(directions) != size) {
        return NO;
    }
    Answer answer = read_tags(list, size, rows->size, tags);
    *angles = malloc((size_t)(size + 1) * sizeof **angles);
    if (!*angles) {
        PyErr_NoMemory();
        return NO_MEMORY;
    }
    for (ptrdiff_t k = 0; answer == YES && k < size; k++) {
        PyObject *angle = PyList_GetItem(directions, k);
        (*angles)[k] = PyFloat_Check(angle) ? PyFloat_AsDouble(angle) : NAN;
        answer = isfinite((*angles)[k]) && (*tags)[k].kind != STATIC ? YES : NO;
    }
    return answer;
}

/* Lists of (vertex, row, i, start, end, source). */
static PyObject *edges_of(const Linear *linear, ptrdiff_t states)
{
    PyObject *list = PyList_New(linear->edges);
    for (ptrdiff_t n = 0; list && n < linear->edges; n++) {
        const Edge *edge = &linear->edge[n];
        PyObject *item = Py_BuildValue("(nnnnnN)", edge->vertex, edge->row, edge->i, edge->start, edge->end,
                                       numbers_of(edge->source, states));
        list = with(list, n, item);
    }
    return list;
}

/* Make room for the equations of so many vertices, with those of vertices that are given. */
static bool linear_of(const Points *vertices, ptrdiff_t states, Linear *linear)
{
    ptrdiff_t size = 2 * vertices->size;
    *linear = (Linear){size, 0, calloc((size_t)(size * size), sizeof(double)), malloc((size_t)size * sizeof(double)),
                       malloc((size_t)size * sizeof(Edge)), malloc((size_t)(size * states) * sizeof(ptrdiff_t))};
    if (!linear->matrix || !linear->constant || !linear->edge || !linear->sources) {
        PyErr_NoMemory();
        return false;
    }
    for (ptrdiff_t n = 0; n < size; n++) {
        linear->matrix[n * size + n] = 1.0;
        linear->constant[n] = n % 2 ? vertices->y[n / 2] : vertices->x[n / 2];
    }
    return true;
}

PyObject *kernel_equations(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (!counted(count, 4, "equations")) {
        return NULL;
    }
    const Rows *rows = rows_of(args[0]);
    Sets sets = {0, NULL, {0, NULL, NULL}};
    Linear linear = {0};
    Tag *tags = NULL;
    double *angles = NULL;
    PyObject *found = NULL;
    if (rows && read_sets(args[1], rows->states, &sets) == YES &&
        read_kinds(args[2], args[3], rows, sets.vertices.size, &tags, &angles) == YES &&
        linear_of(&sets.vertices, sets.states, &linear)) {
        Answer answer = equations(rows, &sets, tags, angles, &linear);
        if (answer == YES) {
            Py_ssize_t width = linear.size * (Py_ssize_t)sizeof(double);
            found = Py_BuildValue("(y#y#N)", (const char *)linear.matrix, linear.size * width,
                                  (const char *)linear.constant, width, edges_of(&linear, sets.states));
        } else if (answer == NO_MEMORY) {
            PyErr_NoMemory();
        }
    }
    free(sets.first);
    free(sets.vertices.x);
    free(tags);
    free(angles);
    free(linear.matrix);
    free(linear.constant);
    free(linear.edge);
    free(linear.sources);
    return found ? found : undecided();
}
