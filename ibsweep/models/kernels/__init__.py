"""Training on the CPU in compiled kernels; ``docs/kernels.md`` tells how they work."""
