"""What the flow hands to sinks, and a subscriber's connection without a network, for tests of the sinks."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from engine.config import HubConfig, load_config
from engine.declared import Channel, SensorGroup, Spindle
from engine.records import Block, Regime
from engine.verdicts import Alert, AlertState, Condition, Reason, Score, SpindleState, Tier, ToolLife, Verdict
from sinks.watch import decode

S = 1_000_000_000
SPINDLE = Spindle(
    "M1", (SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x", "g"), Channel("vib_y", "g"))),)
)

LIFE = ToolLife(
    spindle="M1",
    tool="T2",
    edge="T2#1",
    t_ns=100 * S,
    began_ns=10 * S,
    n_cuts=12,
    cutting_s=36.5,
    wear=0.4,
    remaining_cuts=20.0,
    remaining_low=12.0,
    remaining_high=math.inf,
    recommended_ns=None,
    recommended_cuts=None,
    over=False,
    inferred=False,
    evidence=(Reason("noise_per_load", 1.4, 1.0, math.nan, 2.0, "", 1.0),),
    config_hash="0123456789ab",
)


def hub_config(**changed: Any) -> HubConfig:
    """The default configuration on any free port."""
    return msgspec.structs.replace(load_config().hub, **{"port": 0, **changed})


def alert(
    number: int, state: str = "opened", spindle: str = "M1", fault: str = "process", text: str = ""
) -> Alert:
    """Alert ``number`` of a spindle."""
    return Alert(
        id=f"{spindle}:{fault}:{number}",
        spindle=spindle,
        group="vib",
        fault=fault,
        state=AlertState(state),
        tier="learned",
        regime="T3/O1001/rough/cutting",
        onset_ns=number * S,
        t_ns=number * S + list(AlertState).index(AlertState(state)),
        score=2.5,
        detail="mewma",
        reasons=(Reason("vib_x.rms", 4.1, 1.0, math.nan, 1.3, "g", 0.8),),
        text_en=text or f"alert {number}",
        text_ko=text or f"경보 {number}",
        config_hash="0123456789ab",
        received_ns=number * S + 5,
        judged_ns=number * S + 6,
    )


def verdict(
    score: float, spindle: str = "M1", group: str = "vib", t_ns: int = S, ready: bool = True
) -> Verdict:
    """A verdict of one sensor group."""
    told = Score(
        spindle=spindle,
        group=group,
        t_ns=t_ns,
        regime=Regime("T3"),
        tier=Tier.LEARNED,
        detector="mewma",
        score=score,
        ready=ready,
        learned=60,
        wanted=60,
        top_feature="vib_x.rms",
        reasons=(),
        usable=True,
        steady=True,
        onset_ns=t_ns,
        drift=False,
        received_ns=None,
    )
    return Verdict(told, alerting=False)


def state(condition: str = "ok", spindle: str = "M1", t_ns: int = S) -> SpindleState:
    """A spindle at a glance."""
    return SpindleState(spindle, t_ns, Condition(condition), "T3/-/-/-", 60, 60, 0.4, (), (("gap", 2),))


def block(samples: np.ndarray, spindle: str = "M1", group: str = "vib") -> Block:
    """A block at 1 kHz."""
    return Block(spindle, group, S, 1000.0, np.asarray(samples, np.float32))


class FakeLink:
    """A connection whose peer reads, or does not."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.unsent = 0
        self.dropped = False

    def send(self, message: bytes, *, binary: bool) -> None:
        """Note the message, decoded."""
        self.sent.append(decode(message if binary else message.decode()))

    def unsent_bytes(self) -> int:
        """As the test has set it."""
        return self.unsent

    def drop(self) -> None:
        """Note it."""
        self.dropped = True

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Messages of one type."""
        return [message for message in self.sent if message["type"] == kind]
