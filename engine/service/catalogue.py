"""What a service counts and measures: every name there is, with what it means and when it misleads.

A process uses the names as they stand here (`engine.service.meters.Metrics` refuses others), so that nothing is counted
that nobody can ask for. For Prometheus ``alert_latency_s`` becomes ``spindlewatch_alert_latency_seconds``, and so on
(`engine.service.metrics`). Labels are the process, and the reason, step, kind or target: their number is bounded,
whatever machines and tools do.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COUNTERS: Mapping[str, str] = MappingProxyType(
    {
        "blocks_total": "Blocks of samples taken from Redis.",
        "contexts_total": "Contexts of machines taken from Redis.",
        "ticks_total": "Ticks that senders sent.",
        "samples_total": "Samples judged, of all channels.",
        "missing_total": "Entries of streams that were gone before they were read.",
        "repeated_total": "Entries that came twice and were left out.",
        "streams_restarted_total": "Streams that were found to be others and read from their beginning.",
        "redis_errors_total": "Commands that Redis did not carry out; each is tried again.",
        "verdicts_total": "Windows judged.",
        "alerts_total": "Alert messages stored.",
        "alerts_repeated_total": "Alert messages made again after a crash, and recognised.",
        "late_alerts_total": "Alerts opened more than 10 s, by the sender's clock, after their samples ended.",
        "lives_total": "Words on tools' lives stored.",
        "baselines_total": "Baselines stored that had no room in memory.",
        "checkpoints_total": "Checkpoints stored.",
        "checkpoints_failed_total": "Checkpoints that lacked a step's state.",
        "live_messages_total": "Messages on states and scores published.",
        "journaled_total": "Alert messages written to the journal.",
        "journal_errors_total": "Attempts to write the journal that failed; each is repeated.",
        "sent_total": "Messages sent to subscribers.",
        "subscribers_dropped_total": "Subscribers cut off because they read too slowly.",
        "cpu_s_total": "Processor time that the process has used, user and system.",
    }
)
"""Only ever rise while a process lives; from 0 again when it is started again."""

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "dead_letters": "Entries that could not be used: malformed, foreign or ahead.",
        "dropped": "What was given up because a queue was full, by queue.",
        "notify_sent": "Alert messages that arrived, by target of [[notify]].",
        "notify_failed": "Tries to tell a target that failed, by target; each is repeated.",
        "notify_given_up": "Alert messages that a target did not take, kept as its dead letters, by target.",
        "notify_left_out": "Alert messages that waited too long for a target to be of interest, by target.",
        "refused": "What page and stream refused, by why; `ended`: connections whose token held no more.",
        "troubles": "Sensor trouble that the check has found, by kind: gap, overlap, late ... Goes on after a restart.",
    }
)
"""Counters with a label ``reason``; ``_total`` is added for Prometheus."""

GAUGES: Mapping[str, str] = MappingProxyType(
    {
        "spindles": "Spindles of the process.",
        "spindles_heard": "Spindles that have sent data since the process began.",
        "spindles_learning": "Spindles whose present section is still being learnt.",
        "spindles_alerting": "Spindles with an open alert.",
        "spindles_in_trouble": "Spindles with a sensor that cannot be judged.",
        "lag_s": "Behind whichever spindle is furthest behind, by the senders' clocks: a wrong clock shows here, too.",
        "queue": "What waits to be stored.",
        "checkpoint_age_s": "Since the checkpoint of whichever spindle has the oldest.",
        "checkpoint_bytes": "Size of the newest checkpoints together.",
        "redis_connected": "1 if the last command to Redis was carried out, else 0.",
        "subscribers": "Subscribers connected.",
        "notify_age_s": "For how long the alert has waited that waits longest for a target; includes clock errors.",
        "rss_bytes": "Memory of the process that is in use.",
        "open_files": "File descriptors that the process holds.",
    }
)
"""As they are now. NaN: cannot say."""

HISTOGRAMS: Mapping[str, tuple[str, tuple[float, ...]]] = MappingProxyType(
    {
        "alert_latency_s": (
            "From the last sample of an alert's window being read to the alert being made.",
            (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
        ),
        "alert_age_s": (
            "From the end of an alert's window, by the sender's clock, to the alert being made; "
            "includes what waited in Redis, and the senders' clock errors.",
            (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
        ),
        "journal_lag_s": (
            "From an alert being made to its being in the journal, by the clocks of two processes; "
            "includes what waited in Redis.",
            (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0),
        ),
    }
)
"""What is told of each, and the upper bounds of its buckets, rising."""

STEPS = "Time spent in a step of the flow."
"""Of ``steps_s``; label ``step``."""
