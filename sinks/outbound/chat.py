"""Mail and chats, by Apprise."""

from __future__ import annotations

import select
import subprocess
import sys

import msgspec

from engine.errors import ConfigError
from engine.targets import AppriseTarget
from engine.verdicts import AlertState
from sinks.outbound.base import AwayError, Delivery, Plain, first_line
from sinks.outbound.chat_process import Answer, Request
from sinks.outbound.extras import require

_COMMAND = sys.executable, "-m", "sinks.outbound.chat_process"
_START_S = 60.0  # a machine may be busy, and Apprise is large

_STATES = {
    "en": {AlertState.OPENED: "Alert", AlertState.UPDATED: "Alert, changed", AlertState.CLOSED: "Over"},
    "ko": {AlertState.OPENED: "경보", AlertState.UPDATED: "경보 변경", AlertState.CLOSED: "종료"},
}
_KINDS = {AlertState.OPENED: "warning", AlertState.UPDATED: "warning", AlertState.CLOSED: "success"}
_TEST = {"en": "Test", "ko": "시험"}


class Chat(Plain):
    """Sends a short text to one of the services that Apprise knows.

    Those recognise no repetition: after a crash at the wrong moment a text may come twice. Nor is a refusal told from a
    service that is away, so what a service does not take is tried until it is too old.

    Parameters
    ----------
    target : AppriseTarget
        As configured.

    Raises
    ------
    UsageError
        Apprise is not installed.
    ConfigError
        No address that it knows, or none that can be read.
    """

    def __init__(self, target: AppriseTarget) -> None:
        require("apprise", "notify", f"notify {target.name}")
        self._target = target
        self._process: subprocess.Popen[bytes] | None = None
        self._aborted = False
        try:
            self._ask("", "", "info")
        except BaseException:
            self.close()
            raise

    def bring(self, delivery: Delivery, note: str | None) -> str:  # noqa: ARG002
        """As `sinks.outbound.base.Courier.bring`."""
        title, text = words(delivery, self._target.language)
        self._ask(title, text, "info" if delivery.is_test else _KINDS[delivery.alert.state])
        return ""

    def abort(self) -> None:
        """As `sinks.outbound.base.Courier.abort`."""
        self._aborted = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """As `sinks.outbound.base.Courier.close`."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, title: str, text: str, kind: str) -> None:
        """Let Apprise do something; after any trouble with its process, that is ended and the next try has another."""
        path = self._target.secret_file
        request = Request(first_line(path, "secret_file"), text, title, kind)
        try:
            if self._process is None:
                self._process = self._start()
                self._answer(_START_S)
            assert self._process.stdin is not None
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            self._process.stdin.flush()
            answer = self._answer(self._target.timeout_s if text else _START_S)
        except (OSError, msgspec.DecodeError) as error:
            self.close()
            raise AwayError(f"Apprise has ended: {type(error).__name__}") from error
        except AwayError:
            self.close()
            raise
        if not answer.is_known:
            raise ConfigError(
                f"{path}: wanted an address that Apprise knows in its first line - at `secret_file`"
            )
        if answer.trouble:
            raise AwayError(answer.trouble)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._aborted:
            raise AwayError("ended")
        pipe = subprocess.PIPE
        # It says in its answers what is wrong; what it would log might hold an address.
        return subprocess.Popen(_COMMAND, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    def _answer(self, timeout_s: float) -> Answer:
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        if not ready:
            raise AwayError(f"no answer within {timeout_s:g} s")
        return msgspec.json.decode(self._process.stdout.readline(), type=Answer)


def words(delivery: Delivery, language: str) -> tuple[str, str]:
    """Title and text of a short message.

    Parameters
    ----------
    delivery : Delivery
        What.
    language : {"en", "ko"}
        Of both.

    Returns
    -------
    tuple of str
        The alert's own words, and where there is one its advice, when it opens or changes.
    """
    alert = delivery.alert
    is_korean = language == "ko"
    state = _TEST[language] if delivery.is_test else _STATES[language][alert.state]
    text = alert.text_ko if is_korean else alert.text_en
    advice = alert.advice_ko if is_korean else alert.advice_en
    lines = [text] if alert.state is AlertState.CLOSED or not advice else [text, advice]
    return f"{state}: {alert.spindle}", "\n".join(lines)
