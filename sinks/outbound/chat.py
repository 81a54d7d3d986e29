"""Mail and chats, by Apprise."""

from __future__ import annotations

from typing import Any

from engine.errors import ConfigError
from engine.targets import AppriseTarget
from engine.verdicts import AlertState
from sinks.outbound.base import AwayError, Delivery, Plain, first_line
from sinks.outbound.extras import library

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
        self._apprise = library("apprise", "notify", f"notify {target.name}")
        self._target = target
        self._service()

    def bring(self, delivery: Delivery, note: str | None) -> str:  # noqa: ARG002
        """As `sinks.outbound.base.Courier.bring`."""
        title, text = words(delivery, self._target.language)
        kind = "info" if delivery.is_test else _KINDS[delivery.alert.state]
        with self._service().notify(body=text, title=title, notify_type=kind, body_format="text") as result:
            if not result:
                told = [entry.message for entry in result.logs()]
                raise AwayError(told[-1] if told else "the service did not take it")
        return ""

    def _service(self) -> Any:
        """Set up anew each time, so that another secret needs no restart."""
        target, apprise = self._target, self._apprise
        # Nothing on disk; and what an alert says is text, never a template.
        asset = apprise.AppriseAsset(
            app_id="spindlewatch",
            storage_mode="memory",
            service_timeout=target.timeout_s,
            allow_templates=False,
        )
        service = apprise.Apprise(asset=asset)
        if not service.add(first_line(target.secret_file, "secret_file")):
            raise ConfigError(
                f"{target.secret_file}: wanted an address that Apprise knows in its first line - at `secret_file`"
            )
        return service


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
