"""A real supervisor over real processes, which are killed, stopped, silenced and asked by real signals."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import orjson
import pytest

from perf.real_redis import wait_until

TESTS = Path(__file__).resolve().parents[2]
SITE = """
[redis]
url = "unix:///nowhere/redis.sock"
[service]
http_port = 0
hang_s = 2.0
drain_s = 1.0
[judge]
on = 1.25
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 25600.0
channels = [{ name = "vib_x", unit = "g" }]
"""


class Service:
    """A supervisor, its children's events and its log."""

    def __init__(self, folder, *children, site=SITE, environment=None):
        self.site, self.events, self.log_path = (
            folder / "site.toml",
            folder / "events",
            folder / "log.jsonl",
        )
        self.site.write_text(site)
        self.events.touch()
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, TESTS / "supervised.py", self.site, self.events, *children],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=TESTS.parent,
                env={
                    **os.environ,
                    "TMPDIR": str(folder),
                    "PYTHONPATH": f"{TESTS.parent}:{TESTS}",
                    **(environment or {}),
                },
            )
        self.n_children = sum(child != "fresh" for child in children)

    def told(self, name, word):
        """Process ids of a child that said something, in order."""
        lines = [line.split(" ", 2) for line in self.events.read_text().splitlines()]
        return [int(pid) for who, pid, said in lines if who == name and said.startswith(word)]

    def words(self, name):
        """What a child said."""
        lines = [line.split(" ", 2) for line in self.events.read_text().splitlines()]
        return [said for who, _pid, said in lines if who == name]

    def log(self, part):
        """Messages of the supervisor that have something in them."""
        lines = [orjson.loads(line) for line in self.log_path.read_bytes().splitlines() if line[:1] == b"{"]
        return [line["message"] for line in lines if part in line["message"]]

    def ask(self, path):
        """What the status server answers: code and JSON or text."""
        url = self.log("status at")[0].rpartition(" ")[2]
        try:
            with urllib.request.urlopen(url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def is_ready(self):
        return bool(self.log("status at")) and self.ask("readyz")[0] == 200

    def wait_until_ready(self):
        wait_until(self.is_ready)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        return orjson.loads(output)


@pytest.fixture
def supervise(tmp_path):
    """Starts supervisors; ends them all."""
    made = []

    def make(*children, **options):
        made.append(Service(tmp_path, *children, **options))
        return made[-1]

    yield make
    for service in made:
        service.process.kill()
        service.process.communicate()


def _is_gone(pid):
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_a_process_that_is_killed_is_started_again_and_its_neighbours_are_left_alone(supervise):
    service = supervise("shard-0", "shard-1", "gateway:last")
    service.wait_until_ready()
    (first,) = service.told("shard-0", "started")

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(service.told("shard-0", "started")) == 2)
    service.wait_until_ready()
    assert 'spindlewatch_restarts_total{process="shard-0",reason="died"} 1.0' in service.ask("metrics")[1]
    result = service.end()

    assert result["drained"]
    assert {name: one["restarts"] for name, one in result["processes"].items()} == {
        "shard-0": {"died": 1},
        "shard-1": {},
        "gateway": {},
    }
    assert len(service.told("shard-1", "started")) == len(service.told("gateway", "started")) == 1


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGUSR1])
def test_a_process_that_is_stopped_or_mute_is_killed_and_started_again(supervise, number):
    service = supervise("shard-0", "shard-1")
    service.wait_until_ready()
    (first,) = service.told("shard-0", "started")

    os.kill(first, number)
    wait_until(lambda: len(service.told("shard-0", "started")) == 2)

    assert _is_gone(first)
    assert service.log("shard-0: no sign of life")
    assert len(service.told("shard-1", "started")) == 1
    assert service.end()["processes"]["shard-0"]["restarts"] == {"hung": 1}


def test_a_process_that_dies_again_and_again_is_started_later_and_later(supervise):
    service = supervise("shard-0")
    files = Path(f"/proc/{service.process.pid}/fd")
    n_files = []
    for n_started in (1, 2, 3):
        wait_until(lambda n=n_started: len(service.told("shard-0", "started")) == n)
        n_files.append(len(list(files.iterdir())))
        os.kill(service.told("shard-0", "started")[-1], signal.SIGKILL)
    wait_until(lambda: len(service.log("started again in")) == 3)
    assert n_files[1] == n_files[2]  # none is left open
    delays_s = [float(line.split(" in ")[1].split(" ")[0]) for line in service.log("started again in")]
    assert delays_s == [0.2, 0.4, 0.8]
    assert service.end()["drained"]


def test_asked_to_end_it_lets_the_processes_come_to_rest_the_gateway_last(supervise):
    service = supervise("gateway:last", "shard-0", "shard-1")
    service.wait_until_ready()
    result = service.end(signal.SIGINT)

    said = [line.split(" ", 2)[0] for line in service.events.read_text().splitlines() if "SIGTERM" in line]
    assert sorted(said[:2]) == ["shard-0", "shard-1"]
    assert said[2:] == ["gateway"]
    assert result["drained"]


def test_asked_to_end_while_its_processes_begin_it_ends_well(supervise):
    service = supervise("shard-0", "gateway:last")
    wait_until(lambda: len(service.log("started as process")) == 2)
    result = service.end()

    assert result["drained"]
    assert service.process.returncode == 0


def test_a_process_that_does_not_come_to_rest_is_killed_in_time(supervise):
    service = supervise("shard-0:stubborn", "gateway:last")
    service.wait_until_ready()
    since_s = time.monotonic()
    result = service.end()

    assert not result["drained"]
    assert time.monotonic() - since_s < 5.0  # drain_s = 1, and room for a busy machine
    assert service.log("shard-0: not at rest after")
    assert service.words("gateway")[-1] == "SIGTERM"
    assert all(_is_gone(pid) for name in ("shard-0", "gateway") for pid in service.told(name, "started"))


def test_a_supervisor_that_is_killed_leaves_no_process_behind(supervise):
    service = supervise("shard-0:stubborn", "gateway:stubborn")
    service.wait_until_ready()
    pids = service.told("shard-0", "started") + service.told("gateway", "started")

    service.process.kill()
    service.process.wait(10)
    wait_until(lambda: all(_is_gone(pid) for pid in pids))


def test_of_a_cluster_none_goes_on_without_the_others(supervise):
    service = supervise("shard-0:together", "shard-1:together", "gateway:last")
    service.wait_until_ready()
    first = service.told("shard-0", "started") + service.told("shard-1", "started")

    os.kill(first[0], signal.SIGKILL)
    wait_until(lambda: all(len(service.told(name, "started")) == 2 for name in ("shard-0", "shard-1")))

    assert all(_is_gone(pid) for pid in first)
    service.wait_until_ready()
    assert service.end()["drained"]
    assert len(service.told("gateway", "started")) == 1


def test_a_changed_limit_reaches_every_process_and_the_log_says_what_changed(supervise):
    service = supervise("shard-0", "gateway:last")
    service.wait_until_ready()
    service.site.write_text(SITE.replace("on = 1.25", "on = 1.5"))
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: 'spindlewatch_reloads_total{result="ok"} 1.0' in service.ask("metrics")[1])

    assert "spindlewatch_last_reload_ok 1.0" in service.ask("metrics")[1]
    assert service.log("configuration reloaded") == ["configuration reloaded: judge.on: 1.25 -> 1.5"]
    for name in ("shard-0", "gateway"):
        assert service.words(name) == ["started on=1.25", "SIGHUP", "reloaded on=1.5"]
    assert service.end()["drained"]


def test_a_file_that_cannot_take_the_old_ones_place_changes_nothing(supervise):
    bad = {
        SITE + "[judge]\n": "not valid TOML: Cannot declare ('judge',) twice (at line 17",
        SITE.replace("on = 1.25", "onn = 2"): "unknown field `onn` - at `$.judge`",
        SITE.replace("hang_s = 2.0", "hang_s = 3.0"): "needs a restart: service.hang_s: 2.0 -> 3.0",
        SITE.replace('"vib_x"', '"vib_y"'): "needs a restart: spindles.M1.groups[0].channels[0].name: vib_x",
        "": "wanted the spindles to watch as [[spindles]], got none",
    }
    service = supervise("shard-0")
    service.wait_until_ready()
    for n_refused, (text, told) in enumerate(bad.items(), 1):
        service.site.write_text(text)
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda n=n_refused: len(service.log("not reloaded")) == n)
        line = service.log("not reloaded")[-1]
        assert told in line
        assert str(service.site) in line

    wait_until(lambda: "spindlewatch_last_reload_ok 0.0" in service.ask("metrics")[1])
    os.kill(
        service.told("shard-0", "started")[0], signal.SIGKILL
    )  # nor does one that is started again see it
    wait_until(lambda: len(service.words("shard-0")) == 2)
    assert service.words("shard-0") == ["started on=1.25", "started on=1.25"]
    assert service.end()["drained"]


def test_a_file_that_one_process_does_not_take_over_holds_for_none(supervise):
    service = supervise("shard-0", "shard-1:most=2")
    service.wait_until_ready()
    service.site.write_text(SITE.replace("on = 1.25", "on = 3.0"))
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "spindlewatch_last_reload_ok 0.0" in service.ask("metrics")[1])
    wait_until(lambda: service.words("shard-0")[-1] == "reloaded on=1.25")

    assert service.log("not taken over by shard-1")
    assert "reloaded on=3.0" in service.words("shard-0")
    assert "refused on=3.0" in service.words("shard-1")
    service.site.write_text(SITE.replace("on = 1.25", "on = 2.0"))
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "spindlewatch_last_reload_ok 1.0" in service.ask("metrics")[1])
    assert service.log("configuration reloaded")[-1] == "configuration reloaded: judge.on: 1.25 -> 2.0"
    assert service.end()["drained"]


def test_what_is_to_be_forgotten_is_not_forgotten_again_after_a_crash(supervise):
    service = supervise("shard-0", "fresh")
    service.wait_until_ready()
    os.kill(service.told("shard-0", "started")[0], signal.SIGKILL)
    wait_until(lambda: len(service.words("shard-0")) == 2)

    assert service.words("shard-0") == ["started on=1.25 fresh", "started on=1.25"]
    service.end()


def test_a_process_that_cannot_use_what_it_was_given_ends_all_before_anything_is_watched(supervise):
    service = supervise("shard-0:refuse", "gateway:last")
    output, _ = service.process.communicate(timeout=20)

    assert orjson.loads(output)["refused"] == 2
    assert service.log("shard-0: ended, exit status 2: it cannot use what it was given")
    assert len(service.told("shard-0", "started")) == 1
    assert all(_is_gone(pid) for pid in service.told("gateway", "started"))


def test_systemd_is_told_when_all_were_started_that_they_live_and_when_they_end(supervise, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(20.0)
        service = supervise(
            "shard-0", environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        )
        heard = []

        def hear_until(word):
            while not heard or heard[-1] != word:
                heard.append(ear.recv(1000).split(b"\n")[0].decode())

        hear_until("READY=1")
        hear_until("WATCHDOG=1")
        hear_until("STATUS=1 of 1 processes ready")
        service.process.send_signal(signal.SIGHUP)
        hear_until("RELOADING=1")
        hear_until("READY=1")
        (pid,) = service.told("shard-0", "started")
        os.kill(pid, signal.SIGUSR1)
        service.process.send_signal(signal.SIGTERM)
        hear_until("STOPPING=1")
    assert service.process.wait(20) == 0


def test_a_redis_that_forgets_is_told_in_the_log_and_as_long_as_it_runs(supervise, redis_server, tmp_path):
    with redis_server.client() as redis:
        redis.config_set("appendonly", "no")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(20.0)
        site = SITE.replace("unix:///nowhere/redis.sock", redis_server.url)
        service = supervise("shard-0", site=site, environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        told = ""
        while not told.startswith("STATUS=1 of 1 processes ready; "):
            told = ear.recv(1000).decode()

    assert "DATA WILL BE LOST" in told
    assert service.log("DATA WILL BE LOST")
    assert service.end()["drained"]


def test_readiness_says_which_process_is_not_ready_and_why(supervise):
    service = supervise("shard-0", "gateway:last:unready")
    wait_until(lambda: service.log("processes run"))
    code, told = service.ask("readyz")

    assert code == 503
    assert "gateway" in told
    assert "waiting for Redis" in told
    assert service.ask("livez")[0] == 200
    assert service.end()["drained"]


def test_the_supervisor_loads_nothing_that_the_work_needs():
    ask = "import sys, engine.service.supervise; print({'numba', 'bytewax', 'scipy'} & set(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, cwd=TESTS.parent, check=True
    )
    assert told.stdout.strip() == "set()"
