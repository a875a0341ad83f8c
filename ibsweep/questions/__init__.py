"""One question file and nothing else: its schema, its faults, and how a target names it."""
