"""Apprise in a process of its own, which can be killed: its threads wait for one another, and for services that hang.

Reads requests from its standard input, a line of JSON each, and answers each with a line. Ends with its input.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Any, BinaryIO

import msgspec


class Request(msgspec.Struct, frozen=True):
    """What to send, and where to.

    Parameters
    ----------
    url : str
        As Apprise takes it.
    text : str
        Empty = only find out whether Apprise knows the address.
    title, kind : str
        Before the text; ``info``, ``success`` or ``warning``.
    """

    url: str
    text: str = ""
    title: str = ""
    kind: str = "info"


class Answer(msgspec.Struct, frozen=True):
    """What became of a request.

    Parameters
    ----------
    is_known : bool
        Whether Apprise knows the address.
    trouble : str
        Why it did not arrive; empty if it did.
    """

    is_known: bool = True
    trouble: str = ""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every request; the first line that is written says that Apprise is loaded.

    Parameters
    ----------
    requests, answers : BinaryIO
        A line of JSON each.
    """
    import apprise

    # Nothing on disk; whoever asks has its own patience; and what an alert says is text, never a template.
    asset = apprise.AppriseAsset(
        app_id="spindlewatch", storage_mode="memory", service_timeout=0, allow_templates=False
    )
    apprise.Apprise(asset=asset).add("json://localhost")  # which loads all of its services
    answer = Answer()
    while True:
        answers.write(msgspec.json.encode(answer) + b"\n")
        answers.flush()
        line = requests.readline()
        if not line:
            return
        answer = _answer(apprise, asset, msgspec.json.decode(line, type=Request))


def _answer(apprise: Any, asset: Any, request: Request) -> Answer:
    service = apprise.Apprise(asset=asset)
    if not service.add(request.url):
        return Answer(is_known=False)
    if not request.text:
        return Answer()
    try:
        result = service.notify(
            body=request.text, title=request.title, notify_type=request.kind, body_format="text"
        )
    except Exception as error:  # whatever one of its many services does
        return Answer(trouble=type(error).__name__)
    with result:
        told = [entry.message for entry in result.logs()]
        return Answer() if result else Answer(trouble=told[-1] if told else "the service did not take it")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # a service that prints must not answer
        serve(sys.stdin.buffer, out)
