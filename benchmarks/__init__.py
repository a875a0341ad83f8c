"""Measured against the notebook's own way of training, and against stock Ray Tune; see README."""
