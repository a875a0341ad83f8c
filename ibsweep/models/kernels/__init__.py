"""Training on the CPU in compiled kernels; Numba keeps them on disk: a machine compiles once."""
