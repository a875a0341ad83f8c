"""A Ray cluster from outside: jobs on it."""
