"""Everything that ibsweep uses of Ray 2.60 beyond Ray's public API; nothing else may.

- ``core``: token authentication, daemons that are not started, the node of an actor.
- ``files``: what a local Ray keeps in its directory.
- ``messages``: what is recognised in the texts of Ray's errors.
- ``tune_controller``: Ray Tune's loop, with other rules for its workers and memory.
- ``understudy``: what answers in the place of a control service that has died.
- ``tune_trial``: the actor and the error of a Tune trial.

``tests/cluster/test_ray_internals.py`` has a test for each private name, which fails by that name
when another release of Ray has moved it.
"""
