from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from told import SPINDLE, alert, block, hub_config, state, verdict
from websockets.sync.client import connect

from engine.clock import WallClock
from engine.errors import WireError
from engine.verdicts import Cover, FaultClass, Reason
from sinks.access import OPEN
from sinks.contract.documents import SENT, asyncapi, json_schema
from sinks.journal import Journal
from sinks.pages import STREAM_PATH
from sinks.requests import parse_command, parse_wish
from sinks.tokens import Role, add_token
from sinks.watch import decode
from sinks.websocket import LiveServer

_LONG_S = 20.0
SCHEMA = json_schema()
ODD = replace(
    alert(1),
    score=math.nan,
    certainty=math.nan,
    received_ns=None,
    judged_ns=None,
    reasons=(Reason("vib_x.rms", math.inf, math.nan, -math.inf, math.nan, "", math.nan),),
)


def closed() -> dict[str, Any]:
    """The schema as a reader would have it who must know every key: what is sent and not described fails."""
    schema = copy.deepcopy(SCHEMA)
    for part in schema["$defs"].values():
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": closed()["$defs"]})


def everything_sent(server: LiveServer) -> list[str | bytes]:
    """All that a real server sends to a subscriber while everything happens that can."""
    server.write([alert(2), ODD])
    got: list[str | bytes] = []
    with connect(f"{server.start().stream_url}?since=0", proxy=None, compression=None) as connection:

        def read_to(kind: str) -> None:
            got.append(connection.recv(timeout=_LONG_S))
            while decode(got[-1])["type"] != kind:
                got.append(connection.recv(timeout=_LONG_S))

        connection.send('{"op": "dance", "id": 1}')
        read_to("result")
        connection.send('{"op": "subscribe", "waveform": "M1/vib", "id": "a"}')
        read_to("result")
        cover = (Cover(FaultClass.BEARING, "bearing", "rpm unknown"),)
        server.write([replace(state(), score=math.nan, cover=cover, cuts=(2, 5)), alert(3)])
        server.write([verdict(math.nan), verdict(0.5, group="load"), block(np.ones((2, 5000)))])
        read_to("waveform")
        read_to("heartbeat")
    return got


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    journal = Journal(tmp_path_factory.mktemp("sent") / "journal.sqlite3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sinks.websocket._HEARTBEAT_S", 0.1)
        server = LiveServer(hub_config(), journal, WallClock(), [SPINDLE])
        yield everything_sent(server)
        server.close()
    journal.close()


def texts(sent: list[str | bytes]) -> list[dict[str, Any]]:
    return [json.loads(message) for message in sent if isinstance(message, str)]


def test_every_key_that_a_server_sends_is_described(sent):
    strict = Draft202012Validator(closed())

    for message in texts(sent):
        strict.validate(message)
    shown = {message["type"] for message in texts(sent)}
    assert shown == {shape.__struct_config__.tag for shape in SENT} - {"auth_required"}


def test_what_is_said_where_a_token_is_wanted_is_described(tmp_path):
    token = add_token(tmp_path / "tokens.json", "hall", Role.VIEWER, 0)
    access = msgspec.structs.replace(OPEN, tokens_file=str(tmp_path / "tokens.json"))
    introduction = {"type": "auth", "token": token}
    journal = Journal(tmp_path / "journal.sqlite3")
    server = LiveServer(hub_config(), journal, WallClock(), access=access)

    with connect(server.start().stream_url, proxy=None, compression=None) as connection:
        asked = json.loads(connection.recv(timeout=_LONG_S))
        connection.send(json.dumps(introduction))
        greeted = json.loads(connection.recv(timeout=_LONG_S))

    validator("AuthRequiredMessage").validate(asked)
    validator("AuthMessage").validate(introduction)
    validator("HelloMessage").validate(greeted)
    server.close()
    journal.close()


def test_header_of_a_waveform_is_described(sent):
    (wave,) = [message for message in sent if isinstance(message, bytes)]
    (length,) = np.frombuffer(wave, "<u4", 1)

    validator("WaveformHeader").validate(json.loads(wave[4 : 4 + length]))


def test_what_cannot_be_said_is_null_and_allowed(sent):
    odd = next(m["alert"] for m in texts(sent) if m["type"] == "alert" and m["alert"]["id"] == ODD.id)
    told = next(
        m for m in texts(sent) if m["type"] == "scores" and None in [one["score"] for one in m["scores"]]
    )

    assert (odd["score"], odd["certainty"], odd["reasons"][0]["value"]) == (None, None, None)
    validator("AlertMessage").validate(odd)
    validator("ScoresMessage").validate(told)


def test_subscribers_must_allow_keys_that_come_later(sent):
    hello = next(message for message in texts(sent) if message["type"] == "hello")

    Draft202012Validator(SCHEMA).validate(hello | {"added_later": 1})
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(hello | {"epoch": 7})


@pytest.mark.parametrize(
    "command",
    [
        {"op": "subscribe", "waveform": "M1/vib"},
        {"op": "subscribe", "waveform": "M1/vib", "id": 3},
        {"op": "subscribe", "waveform": "vib"},
        {"op": "subscribe"},
        {"op": "unsubscribe", "id": "x"},
        {"op": "unsubscribe", "id": 1.5},
        {"op": "unsubscribe", "waveform": "M1/vib"},
        {"op": "unsubscribe", "more": 1},
        {"op": "dance"},
        {},
    ],
)
def test_schema_takes_the_commands_that_the_server_takes(command):
    try:
        parse_command(json.dumps(command))
        taken = True
    except WireError:
        taken = False

    assert validator("Command").is_valid(command) is taken


def test_query_that_is_described_is_the_one_that_is_taken():
    described = asyncapi()["channels"]["stream"]["bindings"]["ws"]["query"]["properties"]

    with pytest.raises(WireError, match="known: ") as refused:
        parse_wish(f"{STREAM_PATH}?nothing=1")

    assert set(str(refused.value).partition("known: ")[2].split(", ")) == set(described)
    assert asyncapi()["channels"]["stream"]["address"] == STREAM_PATH


def test_schema_is_one_and_says_what_every_key_means():
    Draft202012Validator.check_schema(SCHEMA)

    silent = [
        f"{name}.{key}"
        for name, part in SCHEMA["$defs"].items()
        for key, told in part.get("properties", {}).items()
        if "description" not in told and key not in ("type", "op")
    ]

    assert silent == []


def references(document: Any) -> set[str]:
    if isinstance(document, dict):
        own = {document["$ref"]} if isinstance(document.get("$ref"), str) else set()
        return own.union(*map(references, document.values()))
    return set().union(*map(references, document)) if isinstance(document, list) else set()


@pytest.mark.parametrize("document", [SCHEMA, asyncapi()], ids=["schema", "asyncapi"])
def test_every_reference_leads_somewhere(document):
    for reference in references(document):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_every_message_is_sent_or_received_by_an_operation():
    document = asyncapi()

    used = {
        one["$ref"].rpartition("/")[2] for told in document["operations"].values() for one in told["messages"]
    }

    assert used == set(document["channels"]["stream"]["messages"]) == set(document["components"]["messages"])
