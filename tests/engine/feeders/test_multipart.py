from contextlib import suppress
from email.message import Message
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.feeders.multipart import AgentError, documents

BODIES = [b"<a/>", b"", b"<b>\r\n--x\r\n</b>", b"<c>" + b"-" * 5000 + b"</c>"]
ANSWER = b"".join(b"\r\n--bound\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) for body in BODIES)


class Response:
    """An answer that comes in pieces."""

    def __init__(self, *pieces, boundary="bound"):
        self.headers = Message()
        self.headers["Content-Type"] = f'multipart/x-mixed-replace; boundary="{boundary}"'
        self._pieces = [piece for piece in pieces if piece]

    def read1(self, _n):
        return self._pieces.pop(0) if self._pieces else b""


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_how_an_answer_comes_in_pieces_never_changes_its_documents(places):
    assert list(documents(Response(*cut(ANSWER, places)), 6000, 60.0)) == BODIES


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_nor_does_it_where_no_length_is_told(places):
    bodies = [b"<a/>", b"<b>\n</b>", b"<c>" + b"-" * 3000 + b"</c>"]
    answer = (
        b"".join(b"\r\n--bound\r\nContent-Type: text/xml\r\n\r\n" + body for body in bodies)
        + b"\r\n--bound--\r\n"
    )
    assert list(documents(Response(*cut(answer, places)), 6000, 60.0)) == bodies


@given(st.binary(max_size=200), st.integers(0, len(ANSWER)), st.integers(0, 100))
def test_whatever_bytes_come_documents_stay_within_their_limit_or_it_is_an_error(put_in, at, n_left_out):
    damaged = ANSWER[:at] + put_in + ANSWER[at + n_left_out :]
    try:
        for document in documents(Response(damaged), 6000, 60.0):
            assert len(document) <= 6000
    except AgentError:
        pass


def test_a_document_without_a_length_is_refused_where_it_is_too_long():
    answer = b"--bound\r\n\r\n" + b"x" * 6001 + b"\r\n--bound--\r\n"
    with pytest.raises(AgentError, match="longer document"):
        list(documents(Response(answer), 6000, 60.0))


@given(st.text(max_size=20))
def test_any_boundary_is_one_or_an_error(boundary):
    response = Response(ANSWER)
    response.headers.replace_header("Content-Type", f"multipart/mixed; boundary={boundary!a}")
    with suppress(AgentError):
        assert len(list(documents(response, 6000, 60.0))) <= len(BODIES)
