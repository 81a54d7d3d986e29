"""The story of spindlewatch: the flow on top, the nouns it speaks of at the bottom.

Importing this package costs nothing; the heavy parts (Numba, river, Bytewax) load where they are used.
"""

__version__ = "0.1.0"
