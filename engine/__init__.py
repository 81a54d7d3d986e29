"""The story of spindlewatch: the flow on top, the nouns it speaks of at the bottom.

Importing this package costs nothing; the heavy parts (Numba, river, Bytewax) load where they are used.
"""

import os

__version__ = "0.1.0"

# An engine process is one thread of work beside others like it, and its matrices are small. More threads of linear
# algebra only wait for each other: beside busy neighbours they doubled the time of a whole replay. NumPy reads it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
