"""Others' recordings turned into ours: one module for each data set, found by name in `replay.importers.registry`."""
