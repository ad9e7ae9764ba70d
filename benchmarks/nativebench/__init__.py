"""Kernels in native code beside numba's, Cython's and a C compiler's."""
