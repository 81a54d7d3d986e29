"""The contract of the stream as documents: a JSON Schema (2020-12) and an AsyncAPI 3.0 description.

Both are made from the records that encode and decode the messages, so they cannot say anything else. What subscribers
are sent is open there: they ignore keys that they do not know. What they send is closed, as the server takes it.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

from sinks.contract import shapes
from sinks.messages import VERSION
from sinks.requests import AuthMessage, Command

SENT: tuple[type[msgspec.Struct], ...] = (
    shapes.AuthRequiredMessage,
    shapes.HelloMessage,
    shapes.SnapshotMessage,
    shapes.AlertTold,
    shapes.StateMessage,
    shapes.ScoresMessage,
    shapes.HeartbeatMessage,
    shapes.ResultMessage,
)
"""What subscribers are sent as text."""

_TOLD = (*(shape.__name__ for shape in SENT), shapes.WaveformHeader.__name__)
_TAKEN = (Command.__name__, AuthMessage.__name__)
_RECEIVED = (Command, AuthMessage, shapes.StreamQuery)
_PARAMETERS = re.compile(r"\n+Parameters\n-+\n")
_DESCRIPTION = (
    "Alerts, spindles' states and scores, live. Times are UTC nanoseconds, more digits than a JavaScript number holds: "
    "compare `seq`. null: cannot be said. Ignore message types and keys that you do not know."
)
_SERVERS = {
    "here": {"host": "127.0.0.1:8765", "protocol": "ws"},
    "elsewhere": {
        "host": "{name}:8765",
        "protocol": "wss",
        "description": "The token goes into the Authorization header, or into a message when it is asked for.",
        "variables": {"name": {"description": "Of the machine that runs the gateway."}},
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    },
}


def json_schema() -> dict[str, Any]:
    """Make the JSON Schema.

    Returns
    -------
    dict
        The root is any text message to a subscriber; everything else is in ``$defs``.
    """
    parts = _parts("#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:spindlewatch:stream:{VERSION}",
        "title": "spindlewatch stream: what a subscriber is sent",
        "description": _DESCRIPTION,
        "anyOf": [{"$ref": f"#/$defs/{shape.__name__}"} for shape in SENT],
        "$defs": parts,
    }


def asyncapi() -> dict[str, Any]:
    """Make the AsyncAPI document, seen from the server: it sends messages and receives commands.

    Returns
    -------
    dict
        Self-contained.
    """
    parts = _parts("#/components/schemas/{name}")
    names = [*_TOLD, *_TAKEN]
    bindings = {"ws": {"method": "GET", "query": _query(parts), "bindingVersion": "0.1.0"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "spindlewatch stream",
            "version": f"{VERSION}.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _SERVERS,
        "channels": {
            "stream": {
                "address": f"/v{VERSION}/stream",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": bindings,
            }
        },
        "operations": _operations(),
        "components": {
            "messages": {name: _message(name, parts[name]) for name in names},
            "schemas": parts,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operations() -> dict[str, Any]:
    channel = {"$ref": "#/channels/stream"}

    def messages(*names: str) -> list[dict[str, str]]:
        return [{"$ref": f"#/channels/stream/messages/{name}"} for name in names]

    order = (
        "auth_required if a token is wanted, hello, snapshot, alerts, states and scores, heartbeats, results."
    )
    return {
        "tell": {"action": "send", "channel": channel, "summary": order, "messages": messages(*_TOLD)},
        "obey": {
            "action": "receive",
            "channel": channel,
            "summary": "Commands of subscribers.",
            "messages": messages("Command"),
            "reply": {"channel": channel, "messages": messages("ResultMessage")},
        },
        "admit": {
            "action": "receive",
            "channel": channel,
            "summary": "The token of a subscriber that was asked for one.",
            "messages": messages("AuthMessage"),
        },
    }


def _message(name: str, part: dict[str, Any]) -> dict[str, Any]:
    told = {"name": name, "summary": part["description"], "payload": {"$ref": f"#/components/schemas/{name}"}}
    if name == "WaveformHeader":
        layout = (
            "Binary: uint32 n, little-endian; n bytes of this JSON; then for each channel its points as float32, or "
            "minima and then maxima if `envelope`. NaN: missing."
        )
        return told | {"contentType": "application/octet-stream", "description": layout}
    return told


def _query(parts: dict[str, Any]) -> dict[str, Any]:
    """Only what the binding may hold: an object with properties."""
    return {key: parts["StreamQuery"][key] for key in ("type", "description", "properties")}


def _parts(ref_template: str) -> dict[str, Any]:
    """All named schemas, in the order of their names."""
    shown = [*SENT, shapes.WaveformHeader, *_RECEIVED]
    _, parts = msgspec.json.schema_components(shown, ref_template=ref_template)
    received = {shape.__name__ for shape in _RECEIVED}
    for name, part in parts.items():
        _describe(part)
        _plain(part)
        if name not in received:
            part.pop("additionalProperties", None)
    parts["Command"]["allOf"] = [_command_rule()]
    return dict(sorted(parts.items()))


def _command_rule() -> dict[str, Any]:
    """What `Command` checks beyond its fields."""
    return {
        "if": {"properties": {"op": {"const": "subscribe"}}},
        "then": {"required": ["waveform"], "properties": {"waveform": {"type": "string"}}},
        "else": {"properties": {"waveform": {"type": "null"}}},
    }


def _describe(part: dict[str, Any]) -> None:
    """Move what a docstring says of each parameter to the property that it is about."""
    text = inspect.cleandoc(part.get("description", "")).replace("``", "`")
    summary, *parameters = _PARAMETERS.split(text, maxsplit=1)
    part["description"] = " ".join(summary.split())
    names: list[str] = []
    for line in parameters[0].splitlines() if parameters else ():
        if not line.startswith(" "):
            names = line.partition(" : ")[0].split(", ")
            continue
        for name in names:
            told = part["properties"][name]
            told["description"] = f"{told.get('description', '')} {line.strip()}".strip()


def _plain(part: dict[str, Any]) -> None:
    """Say pairs of a kind in words that older drafts know too: AsyncAPI's own schemas are of draft 7."""
    for told in part.get("properties", {}).values():
        if "prefixItems" in told:
            told["items"] = told.pop("prefixItems")[0]
