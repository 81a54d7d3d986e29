"""The service as its user meets it: a real Redis, a real process, real signals."""

import signal
import subprocess
import sys
from operator import ne

import orjson
import pytest

from engine import redis_keys
from engine.config import load_config
from engine.records import Tick
from perf.real_redis import RedisServer, wait_until
from perf.service_process import START_NS, Service, send, shop_items
from replay.session import replay_recordings

END_S = 40.0


@pytest.fixture(scope="module")
def shop():
    """Two spindles, and what they send in 40 seconds with faults among them."""
    return shop_items(END_S, 2)


@pytest.fixture
def watch(redis_server, shop, tmp_path):
    """Makes services over the same data, each with keys of its own; ends them all."""
    made = []

    def make(prefix, site="", items=None, batch=500):
        with redis_server.client() as redis:
            send(redis, prefix, shop[1] if items is None else items)
        made.append(Service(redis_server, tmp_path / prefix, shop[0], prefix, site, batch))
        return made[-1]

    yield make
    for service in made:
        for process in service.processes:
            process.kill()
            process.communicate()


def test_a_service_that_is_killed_again_and_again_tells_the_same_alerts_once_each(watch, redis_server):
    whole, killed = watch("whole"), watch("killed")
    whole.start()
    whole.wait_until_all_is_read()
    told = whole.end()
    seen = set()

    for _ in range(4):
        killed.start()
        before = killed.checkpoints()
        wait_until(lambda before=before: killed.checkpoints() != before or killed.has_read_all(), 60.0)
        seen.add(killed.checkpoints())
        killed.end(signal.SIGKILL)
    n_starts = n_told(killed, "go on where they were")
    killed.start()
    wait_until(lambda: n_told(killed, "go on where they were") > n_starts, 60.0)
    killed.wait_until_all_is_read()
    after = orjson.loads(killed.end())

    assert whole.processes[-1].returncode == killed.processes[-1].returncode == 0
    assert len(set(whole.alerts(END_S))) >= 2
    assert sorted(killed.alerts(END_S)) == sorted(whole.alerts(END_S))
    assert len(set(killed.alerts())) == len(killed.alerts())
    assert len(seen) >= 2  # it was killed at different places
    assert after["received"].get("missing", 0) == 0
    assert orjson.loads(told)["stored"]["added"] == len(whole.alerts())


def test_after_a_stop_on_request_nothing_is_read_twice(watch, shop):
    service = watch("stopped")
    service.start()
    wait_until(service.n_checkpoints)
    first = orjson.loads(service.end())
    service.start()
    wait_until(lambda: any("connected; 2 of 2" in line for line in _lines(service)))
    service.wait_until_all_is_read()
    second = orjson.loads(service.end())

    kinds = ("blocks", "contexts")
    n_read = sum(told["received"].get(kind, 0) for told in (first, second) for kind in kinds)
    assert n_read == sum(not isinstance(item, Tick) for item in shop[1])


def test_entries_that_cannot_be_used_are_dead_letters_and_harm_no_neighbour(watch, redis_server, shop):
    service = watch("hostile")
    bad, good = (redis_keys.stream_in("hostile", spindle.name) for spindle in shop[0])
    with redis_server.client() as redis:
        redis.xadd(bad, {"d": b"SPWB nonsense"})
        redis.xadd(bad, {"other": b"\xff"})
        redis.xadd(bad, {"d": redis.xrange(good, count=1)[0][1][b"d"]})
        redis.xadd(bad, {"d": f'{{"v":1,"kind":"tick","spindle":"{shop[0][0].name}","t_ns":{2**62}}}'})
    service.start()
    service.wait_until_all_is_read()
    received = orjson.loads(service.end())["received"]

    assert (received["malformed"], received["foreign"], received["ahead"]) == (2, 1, 1)
    with redis_server.client() as redis:
        letters = [fields for _id, fields in redis.xrange(redis_keys.dead_letters("hostile"))]
    assert [letter[b"reason"] for letter in letters] == [b"malformed", b"malformed", b"foreign", b"ahead"]
    assert letters[0][b"head"] == b"SPWB nonsense"
    n_good = sum(not isinstance(item, Tick) for item in shop[1])
    assert received["blocks"] + received["contexts"] == n_good


def test_a_redis_that_dies_and_comes_back_loses_no_alert(watch, redis_server):
    whole, cut_off = watch("reference"), watch("cut_off")
    whole.start()
    whole.wait_until_all_is_read()
    whole.end()
    cut_off.start()
    wait_until(cut_off.n_checkpoints)
    redis_server.stop()
    wait_until(lambda: any(line["level"] == "warning" for line in cut_off.log()))
    redis_server.start()
    cut_off.wait_until_all_is_read()
    told = orjson.loads(cut_off.end())

    assert sorted(cut_off.alerts(END_S)) == sorted(whole.alerts(END_S))
    assert told["received"]["missing"] == 0


def test_what_was_learnt_under_other_detectors_is_refused_until_asked_to_learn_anew(watch):
    service = watch("changed")
    service.start()
    service.wait_until_all_is_read()
    service.end()
    changed = watch("changed2")  # another folder
    changed.prefix = "changed"
    site = changed.folder / "site.toml"
    site.write_text(site.read_text().replace('"changed2"', '"changed"') + "\n[learn]\nn_cuts = 5\n")
    refused = changed.start()
    refused.communicate(timeout=30)
    assert refused.returncode == 1
    assert "start with --fresh to learn anew" in (changed.folder / "log.jsonl").read_text()

    changed.start("--fresh")
    wait_until(lambda: any("connected; 0 of 2" in str(line) for line in _lines(changed)))
    changed.end()
    assert changed.processes[-1].returncode == 0


def n_told(service, words):
    return sum(words in line["message"] for line in service.log())


def _lines(service):
    return (service.folder / "log.jsonl").read_text().splitlines()


def test_of_two_processes_for_the_same_spindles_the_later_goes_on_and_the_other_ends(watch):
    whole, twice = watch("alone"), watch("twice", batch=4)
    whole.start()
    whole.wait_until_all_is_read()
    whole.end()
    first = twice.start()
    wait_until(twice.n_checkpoints)
    first.send_signal(signal.SIGSTOP)  # it hangs, and is thought dead
    second = twice.start()
    before = twice.checkpoints()
    wait_until(lambda: all(map(ne, twice.checkpoints(), before)), 60.0)
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=30)
    twice.wait_until_all_is_read()
    twice.end()

    assert first.returncode == 1
    assert second.returncode == 0
    assert any("another process watches it now" in line["message"] for line in twice.log())
    assert sorted(twice.alerts(END_S)) == sorted(whole.alerts(END_S))


def test_a_silent_stream_is_told_though_nobody_ticks(watch, redis_server, shop):
    items = [item for item in shop[1] if item.t_ns < START_NS + 5_000_000_000 and not isinstance(item, Tick)]
    service = watch("silent", items=items)
    service.start()
    wait_until(lambda: any(":sensor" in key for key in service.alerts()), 30.0)
    service.end(signal.SIGKILL)
    before = service.alerts()
    service.start()
    service.wait_until_all_is_read()
    service.end()
    assert service.alerts()[: len(before)] == before
    assert len(set(service.alerts())) == len(service.alerts())


def test_a_simulated_shop_is_fed_live_and_found_by_the_service(redis_server, tmp_path):
    (tmp_path / "redis.toml").write_text(f'[redis]\nurl = "{redis_server.url}"\nprefix = "live"\n')
    command = [
        sys.executable,
        "-m",
        "engine.cli",
        "feed",
        "simulate",
        "--duration",
        "4",
        "--spindles",
        "1",
        "--json",
    ]
    command += ["--config", str(tmp_path / "redis.toml"), "--site", str(tmp_path / "site.toml")]
    fed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    config = load_config(tmp_path / "site.toml")

    with redis_server.client() as redis:
        n_entries = redis.xlen(redis_keys.stream_in("live", config.spindles[0].name))
    assert orjson.loads(fed.stdout) == {"sent": n_entries, "dropped": 0, "errors": 0}
    service = Service(redis_server, tmp_path / "run", config.spindles, "live")
    service.start()
    try:
        service.wait_until_all_is_read()
        assert orjson.loads(service.end())["received"]["blocks"] > 20
    finally:
        service.processes[-1].kill()


def test_spindles_that_move_between_processes_keep_what_was_learnt_and_tell_the_same_alerts(
    redis_server, tmp_path
):
    spindles, items = shop_items(END_S, 4)
    services = [Service(redis_server, tmp_path / name, spindles, name, batch=4) for name in ("one", "many")]
    for service in services:
        with redis_server.client() as redis:
            send(redis, service.prefix, items)
    whole, moved = services
    whole.start_all()
    whole.wait_until_all_is_read()
    whole.end_all()

    ends = signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL
    for n_shards, number in zip((1, 2, 4, 1), ends, strict=True):
        moved.reshard(n_shards)
        before = moved.checkpoints()
        moved.start_all()
        wait_until(
            lambda before=before: all(map(ne, moved.checkpoints(), before)) or moved.has_read_all(), 60.0
        )
        moved.end_all(number)
        assert n_shards > 2 or not moved.has_read_all()
    moved.start_all()
    moved.wait_until_all_is_read()
    moved.end_all()

    assert len({key.split(":")[0] for key in whole.alerts(END_S)}) >= 2
    assert sorted(moved.alerts(END_S)) == sorted(whole.alerts(END_S))
    resumed = [line["message"] for line in moved.log() if "go on where they were" in line["message"]]
    assert (
        sum(int(message.split()[2]) for message in resumed[1:]) == 4 * 4
    )  # each spindle, at each later start


def test_a_new_limit_acts_on_sighup_and_a_broken_file_changes_nothing(watch, redis_server, shop):
    service = watch("reloaded", items=shop[1][: len(shop[1]) // 2])
    service.start()
    service.wait_until_all_is_read()
    site, before = service.folder / "site.toml", (service.folder / "site.toml").read_text()
    site.write_text(before + '\n[[limits]]\nfeature = "vib_x.rms"\nabove = \n')
    service.processes[-1].send_signal(signal.SIGHUP)
    wait_until(lambda: any("not reloaded" in line["message"] for line in service.log()))
    (refused,) = [line["message"] for line in service.log() if "not reloaded" in line["message"]]
    assert "at line" in refused
    site.write_text(before + '\n[[limits]]\nfeature = "vib_x.rms"\nabove = 1e-6\n')
    service.processes[-1].send_signal(signal.SIGHUP)
    wait_until(lambda: any("configuration reloaded" in line["message"] for line in service.log()))
    known = set(service.alerts())

    rest = shop[1][len(shop[1]) // 2 :]
    with redis_server.client() as redis:
        send(redis, "reloaded", rest, first=len(shop[1]))
    service.wait_until_all_is_read()
    service.end()

    new = [key for key in service.alerts(END_S) if key not in known and "|opened|" in key]
    assert {key.split(":")[0] for key in new} == {spindle.name for spindle in shop[0]}


def test_an_alert_of_a_service_that_was_killed_and_went_on_is_an_incident_that_replays_alike(watch, tmp_path):
    service = watch("ring", batch=2)
    site = service.folder / "site.toml"
    site.write_text(
        site.read_text().replace("enabled = false", "segment_s = 2.0\nbefore_s = 3.0\nafter_s = 2.0")
    )
    service.start()
    wait_until(service.n_checkpoints)
    service.end(signal.SIGKILL)
    service.start()
    service.wait_until_all_is_read()
    service.end()
    spoken = [
        key.split("|")[0] for key in service.alerts(END_S) if "|opened|" in key and ":sensor" not in key
    ]

    options = ["--journal", str(service.folder / "shop.sqlite3"), "--config", str(site), "--json"]
    command = [
        sys.executable,
        "-m",
        "engine.cli",
        "incident",
        spoken[-1],
        str(tmp_path / "incident"),
        *options,
    ]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    summary = replay_recordings([tmp_path / "incident"], tmp_path / "out", load_config(site))
    assert summary.incidents[0].identical
    assert summary.incidents[0].n_messages >= 1


def test_samples_may_come_by_another_redis_which_keeps_nothing(redis_server, shop, tmp_path):
    (tmp_path / "volatile").mkdir()
    volatile = RedisServer(tmp_path / "volatile", durable=False)
    volatile.start()
    one = Service(redis_server, tmp_path / "one", shop[0], "one")
    apart = Service(redis_server, tmp_path / "apart", shop[0], "apart", batch=8)
    site = apart.folder / "site.toml"
    site.write_text(site.read_text().replace("batch = ", f'samples_url = "{volatile.url}"\nbatch = '))
    with redis_server.client() as redis, volatile.client() as samples:
        send(redis, "one", shop[1])
        send(samples, "apart", shop[1])
    try:
        one.start()
        one.wait_until_all_is_read()
        one.end()
        apart.start()
        wait_until(apart.n_checkpoints)
        apart.end(signal.SIGKILL)
        apart.start()
        wait_until(lambda: len(set(apart.alerts(END_S))) >= len(set(one.alerts(END_S))), 60.0)
        apart.end()
        with redis_server.client() as redis, volatile.client() as samples:
            assert not redis.exists(redis_keys.stream_in("apart", shop[0][0].name))
            assert {key.split(b":")[1] for key in samples.keys("apart:*")} == {b"in"}
    finally:
        for service in (one, apart):
            service.end_all(signal.SIGKILL)
        volatile.stop()

    assert len(set(one.alerts(END_S))) >= 2
    assert sorted(apart.alerts(END_S)) == sorted(one.alerts(END_S))
