import math

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from engine.service.catalogue import COUNTERS, GAUGES, HISTOGRAMS, REASONS
from engine.service.health import Beat, Metrics, parse_line
from engine.service.metrics import PREFIX, Child, Seen, exposition, family, liveness, readiness


def _full(process="shard-0"):
    """A process that tells everything there is to tell."""
    metrics = Metrics()
    for name in COUNTERS:
        metrics.counter(name).add(3)
    for name in GAUGES:
        metrics.gauge(name).set(2)
    for name in REASONS:
        metrics.reasons(name).add("malformed", 5)
    for name in HISTOGRAMS:
        for value in (0.02, 0.2, 1e9):
            metrics.histogram(name).observe(value)
    metrics.timed("check", len)("")
    return metrics.beat(process, True)


def _samples(seen):
    found = {}
    for one in text_string_to_metric_families(exposition(seen).decode()):
        assert one.documentation
        assert one.type != "unknown"
        for sample in one.samples:
            key = sample.name, *sorted(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    return found


def _one(beat, **facts):
    return Seen({beat.process: Child(True, beat, **facts)})


def test_every_name_of_the_catalogue_is_told_with_its_process():
    samples = _samples(_one(_full()))
    process = ("process", "shard-0")
    for name in COUNTERS:
        if name != "cpu_s_total":  # that is measured
            assert samples[f"{family(name)}_total", process] == 3
    for name in set(GAUGES) - {"rss_bytes", "open_files"}:
        assert samples[family(name), process] == 2
    for name in REASONS:
        assert samples[f"{family(name)}_total", process, ("reason", "malformed")] == 5
    assert samples[PREFIX + "step_seconds_total", process, ("step", "check")] > 0
    assert all(len(name) == len(set(name)) for name in samples)


def test_buckets_are_cumulative_and_end_with_all():
    samples = _samples(_one(_full()))
    name, process = PREFIX + "alert_latency_seconds", ("process", "shard-0")
    buckets = {dict(key[1:])["le"]: n for key, n in samples.items() if key[0] == f"{name}_bucket"}
    assert list(buckets.values()) == sorted(buckets.values())
    assert (buckets["0.01"], buckets["0.025"], buckets["0.25"], buckets["30.0"]) == (0, 1, 2, 2)
    assert buckets["+Inf"] == samples[f"{name}_count", process] == 3


def test_the_supervisor_tells_what_it_needs_itself():
    samples = _samples(Seen({}))
    assert samples[PREFIX + "rss_bytes", ("process", "supervisor")] > 1e6
    assert samples[PREFIX + "cpu_seconds_total", ("process", "supervisor")] > 0


def test_what_a_process_cannot_say_is_nan_and_not_0():
    samples = _samples(_one(Beat("shard-0", True, gauges={"lag_s": None})))
    assert math.isnan(samples[PREFIX + "lag_seconds", ("process", "shard-0")])


def test_a_process_that_does_not_run_tells_nothing_old():
    seen = Seen({"shard-0": Child(False, _full(), restarts={"died": 2}), "gateway": Child(True)})
    samples = _samples(seen)
    about = {key[0] for key in samples if ("process", "shard-0") in key}
    assert about == {PREFIX + "up", PREFIX + "ready", PREFIX + "restarts_total"}
    assert samples[PREFIX + "up", ("process", "shard-0")] == 0
    assert samples[PREFIX + "restarts_total", ("process", "shard-0"), ("reason", "died")] == 2
    assert samples[PREFIX + "restarts_total", ("process", "shard-0"), ("reason", "hung")] == 0


@given(st.text(max_size=20), st.text(max_size=20), st.floats(allow_nan=False))
def test_no_reason_or_number_breaks_the_text(reason, step, number):
    beat = Beat("shard-0", True, by_reason={"dropped": {reason: number}}, steps_s={step: number})
    text = exposition(_one(beat)).decode()
    (found,) = (line for line in text.split("\n") if line.startswith(PREFIX + "dropped_total{"))
    assert float(found.rpartition(" ")[2]) == number


def test_names_that_another_version_tells_are_left_out():
    beat = Beat("shard-0", True, counters={"n_tools": 1.0}, gauges={"x y": 1.0}, by_reason={"z": {"a": 1.0}})
    assert not [key for key in _samples(_one(beat)) if "tools" in key[0] or "x y" in key[0]]


def test_a_line_tells_prometheus_what_the_process_counted():
    beat = _full()
    said, heard = (_samples(_one(one)) for one in (beat, parse_line(msgspec.json.encode(beat))))
    process = ("process", "shard-0")
    assert len(heard) > 50
    assert {key: n for key, n in heard.items() if process in key} == {
        key: n for key, n in said.items() if process in key
    }


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Seen({}), None),
        (Seen({"a": Child(True, Beat("a", True))}, stopping=True), ""),
        (Seen({"a": Child(False, Beat("a", True))}), "not running"),
        (Seen({"a": Child(True)}), "starting"),
        (
            Seen({"a": Child(True, Beat("a", False, "redis is away")), "b": Child(True, Beat("b", True))}),
            "redis is away",
        ),
    ],
)
def test_a_service_is_not_ready_while_any_process_is_not_and_says_why(seen, why):
    ready, told = readiness(seen)
    assert not ready
    assert not told["ready"]
    assert orjson.loads(orjson.dumps(told)) == told
    if why is not None:
        assert told["processes"]["a"]["detail"] == why


def test_a_service_is_ready_when_all_its_processes_are_even_after_a_refused_reload():
    seen = Seen({"a": Child(True, Beat("a", True)), "b": Child(True, Beat("b", True))}, last_reload_ok=False)
    ready, told = readiness(seen)
    assert ready
    assert told["last_reload_ok"] is False
    assert _samples(seen)[(PREFIX + "last_reload_ok",)] == 0


def test_a_supervisor_is_alive_as_long_as_it_looks_after_its_processes():
    assert liveness(Seen({}))[0]
    assert not liveness(Seen({}, loop_age_s=11.0))[0]
