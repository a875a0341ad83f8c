"""Calibration: does the library keep what its intervals and verdicts promise?"""
