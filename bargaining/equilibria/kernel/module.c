/* Inner loops of the solver of repeated games. Each has a twin in Python that gives the same bits. */

#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <float.h>

#if FLT_EVAL_METHOD != 0
#error "Sums and products would be kept in more than double precision, unlike those of Python."
#endif

static PyObject *
hull(PyObject *module, PyObject *points)
{
    (void)module;
    (void)points;
    PyErr_SetString(PyExc_NotImplementedError, "hull");
    return NULL;
}

static PyMethodDef functions[] = {
    {"hull", hull, METH_O, "Return the corners of the convex hull of points in the plane."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_kernel",
    .m_doc = "Inner loops of the solver of repeated games, in C.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
