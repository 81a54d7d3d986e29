"""Words about others' files: they may hold anything, an error is one readable line."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 160
_MOST = 12


def one_line(text: str) -> str:
    r"""What a library or a file says, printable and short.

    Parameters
    ----------
    text : str
        Anything.

    Returns
    -------
    str
        At most 160 characters of one line.

    Examples
    --------
    >>> one_line("expected 3 columns\x00, got 1:\n" + "x" * 500)[:40]
    'expected 3 columns, got 1: xxxxxxxxxxxxx'
    """
    words = " ".join("".join(c if c.isprintable() else " " if c.isspace() else "" for c in text).split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."


def listed(names: Iterable[object]) -> str:
    """Names as a list for people, the first dozen of them.

    Examples
    --------
    >>> listed(["a", "b"]), listed(range(14))
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more')
    """
    texts = [str(name) for name in names]
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return one_line(", ".join(texts[:_MOST])) + more
