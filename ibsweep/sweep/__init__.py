"""Sweeps: Optuna proposes, Ray Tune schedules, every trial trains its replicates as lanes."""
