"""A subscriber's commands, each until its answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import orjson
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection


class Commands:
    """Commands that wait for their answers, which come in the order of the commands. Any thread.

    Bounded by what a server leaves unanswered on one connection.
    """

    def __init__(self) -> None:
        self._sending, self._lock = threading.Lock(), threading.Lock()
        self._waiting: deque[tuple[int, Future[dict[str, Any]]]] = deque()
        self._n_given = 0

    def give(self, connection: ClientConnection | None, command: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Send a command.

        Parameters
        ----------
        connection : ClientConnection or None
            None: there is none at the moment.
        command : mapping
            Gets an ``id``.

        Returns
        -------
        Future of dict
            Its ``result``; `ConnectionError` if none will come.
        """
        future: Future[dict[str, Any]] = Future()
        with self._sending:
            self._n_given += 1
            with self._lock:
                self._waiting.append((self._n_given, future))
            try:
                if connection is None:
                    raise ConnectionError("not connected")
                connection.send(orjson.dumps({**command, "id": self._n_given}), text=True)
            except (ConnectionClosed, OSError) as error:
                with self._lock, suppress(ValueError):  # it may have been told already
                    self._waiting.remove((self._n_given, future))
                    future.set_exception(ConnectionError(f"not given: {error}"))
        return future

    def answer(self, result: Mapping[str, Any]) -> None:
        """Hand an answer to whoever waits; one to no known command is for the oldest: its id could not be read."""
        with self._lock:
            if not self._waiting or result["id"] not in (None, *(number for number, _ in self._waiting)):
                return
            number, future = self._waiting.popleft()
            while result["id"] not in (None, number):
                number, future = self._waiting.popleft()
        future.set_result(dict(result))

    def forget(self) -> None:
        """Tell all who wait that no answer will come."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for _, future in waiting:
            future.set_exception(ConnectionError("connection lost before the answer"))
