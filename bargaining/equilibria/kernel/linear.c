/* Linear equations of a structure: the twin of _eliminated in repeated/_search/structure.py. */

#include "kernel.h"

#include <math.h>

#define SMALL 1e-3
#define SINGULAR 1e-12

/* Exchange a row whose pivot is small for the one below with the largest. */
static void exchange(ptrdiff_t size, ptrdiff_t c, double *rows)
{
    ptrdiff_t width = size + 1, best = c;
    for (ptrdiff_t r = c + 1; r < size; r++) {
        if (fabs(rows[r * width + c]) > fabs(rows[best * width + c])) {
            best = r;
        }
    }
    for (ptrdiff_t k = 0; k < width && best != c; k++) {
        double entry = rows[c * width + k];
        rows[c * width + k] = rows[best * width + k];
        rows[best * width + k] = entry;
    }
}

/* Eliminate; false if no pivot is large enough. Each of `size` rows ends with its right-hand side. */
bool solve(ptrdiff_t size, double *rows, double *solution)
{
    ptrdiff_t width = size + 1;
    for (ptrdiff_t c = 0; c < size; c++) {
        const double *leading = rows + c * width;
        if (!(fabs(leading[c]) > SMALL)) {
            exchange(size, c, rows);
        }
        if (!(fabs(leading[c]) > SINGULAR)) {
            return false;
        }
        for (ptrdiff_t r = c + 1; r < size; r++) {
            double *row = rows + r * width;
            if (row[c] != 0.0) {
                double factor = row[c] / leading[c];
                for (ptrdiff_t k = c + 1; k < width; k++) {
                    row[k] -= factor * leading[k];
                }
            }
        }
    }
    for (ptrdiff_t c = size - 1; c >= 0; c--) {
        const double *row = rows + c * width;
        double value = row[size];
        for (ptrdiff_t k = c + 1; k < size; k++) {
            value -= row[k] * solution[k];
        }
        solution[c] = value / row[c];
    }
    return true;
}
