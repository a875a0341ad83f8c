"""Where pools come from: one module a source, each with a ``load`` of a data document."""
