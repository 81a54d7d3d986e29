"""The arithmetic that runs for every feature vector, compiled: one module per detector.

Signatures are explicit, so compiling happens at import and never on the first vector of a cut; a module is
imported with its detector, so a detector that no configuration names costs nothing. ``fastmath`` stays off, or is an
explicit set without ``nnan`` and ``ninf``, which would remove the NaN checks. Every kernel has a slow, obvious twin
in its test, in ``tests/oracles.py`` or in river.
"""
