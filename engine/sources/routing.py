"""To which process of a Bytewax cluster a key goes, and keys that stay where they are.

In a cluster every keyed item goes to the worker that its key's hash says, by pickle and TCP if that is another process.
Samples should not travel so: each spindle's key is given a suffix that makes it the own worker's.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_SEPARATOR = "#"


def worker_of(key: str, n_workers: int) -> int:
    """Say to which worker Bytewax 0.21 routes a key.

    Parameters
    ----------
    key : str
        Any.
    n_workers : int
        1 or more.

    Returns
    -------
    int
        From 0: SipHash-1-3 of the key as Rust's standard hasher sees it, modulo the number of workers.
    """
    return siphash_1_3(key.encode() + b"\xff") % n_workers


def key_for(spindle: str, worker: int, n_workers: int) -> str:
    """Make a key of a spindle that Bytewax routes to a certain worker.

    Parameters
    ----------
    spindle : str
        Name.
    worker, n_workers : int
        Which one of how many.

    Returns
    -------
    str
        The name itself if it is alone; else with the first suffix that fits. Keys of different spindles differ as
        long as none is named like another's key.

    Examples
    --------
    >>> key_for("M1", 0, 1)
    'M1'
    >>> worker_of(key_for("M1", 2, 4), 4)
    2
    """
    if n_workers == 1:
        return spindle
    salt = 0
    while worker_of(key := f"{spindle}{_SEPARATOR}{salt}", n_workers) != worker:
        salt += 1
    return key


def siphash_1_3(data: bytes) -> int:
    """Hash bytes with an all-zero key: one round for each word, three at the end.

    Parameters
    ----------
    data : bytes
        Any.

    Returns
    -------
    int
        64 bits. Aumasson and Bernstein 2012, "SipHash: a fast short-input PRF", with fewer rounds.
    """
    state = [0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573]
    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, whole, 8)]
    words.append(int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    for word in words:
        state[3] ^= word
        _round(state)
        state[0] ^= word
    state[2] ^= 0xFF
    for _ in range(3):
        _round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _round(v: list[int]) -> None:
    v[0] = (v[0] + v[1]) & _MASK
    v[1] = _rotated(v[1], 13) ^ v[0]
    v[0] = _rotated(v[0], 32)
    v[2] = (v[2] + v[3]) & _MASK
    v[3] = _rotated(v[3], 16) ^ v[2]
    v[0] = (v[0] + v[3]) & _MASK
    v[3] = _rotated(v[3], 21) ^ v[0]
    v[2] = (v[2] + v[1]) & _MASK
    v[1] = _rotated(v[1], 17) ^ v[2]
    v[2] = _rotated(v[2], 32)


def _rotated(word: int, n: int) -> int:
    return ((word << n) | (word >> (64 - n))) & _MASK
