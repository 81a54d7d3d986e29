import configparser
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from contextlib import closing
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import orjson
import pytest
import yaml
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from redis.exceptions import RedisError

from engine.cli import cli
from engine.config import load_config
from engine.errors import ConfigError
from engine.service.beats import Beat, Buckets
from engine.service.catalogue import COUNTERS, GAUGES, HISTOGRAMS, REASONS
from engine.service.metrics import Child, Seen, exposition
from perf.real_redis import wait_until

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "engine" / "service" / "deploy"


@pytest.fixture(scope="module")
def unit():
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str
    parser.read(FOLDER / "spindlewatch.service")
    return parser


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def labels():
    """Names that Prometheus knows, each with its labels."""
    beat = Beat(
        "shard-0",
        True,
        counters=dict.fromkeys(COUNTERS, 1.0),
        by_reason={name: {"malformed": 1.0} for name in REASONS},
        gauges=dict.fromkeys(GAUGES, 1.0),
        histograms={name: Buckets((1.0,), (1, 1), 3.0) for name in HISTOGRAMS},
        steps_s={"check": 1.0},
    )
    text = exposition(Seen({"shard-0": Child(True, beat)})).decode()
    samples = (sample for one in text_string_to_metric_families(text) for sample in one.samples)
    return {sample.name: set(sample.labels) for sample in samples}


def _dashboard():
    return orjson.loads((FOLDER / "grafana.json").read_bytes())


def _questions():
    """Every expression of the dashboard and the rules, with the text that shows its labels."""
    for panel in _dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"], target["legendFormat"]
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["expr"], rule["annotations"]["summary"]


@pytest.mark.parametrize(("expr", "text"), list(_questions()))
def test_what_the_dashboard_and_the_rules_ask_for_exists(labels, expr, text):
    names = re.findall(r"spindlewatch_\w+", expr)
    assert names
    assert set(names) <= set(labels)
    assert expr.count("(") == expr.count(")")
    grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expr) for label in by.split(",")}
    matched = set(re.findall(r"[{,]\s*(\w+)=~?\"", expr))
    shown = set(re.findall(r"{{\s*(?:\$labels\.)?(\w+)\s*}}", text))
    assert grouped | matched | shown <= set().union(*(labels[name] for name in names))
    if "by (" in expr:
        assert shown <= grouped


def test_the_dashboard_shows_all_that_can_go_wrong_and_fits_the_screen():
    panels = _dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        area = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & area
        cells |= area
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
    asked = " ".join(expr for expr, _ in _questions())
    for name in (
        "troubles",
        "dead_letters",
        "dropped",
        "late_alerts",
        "missing",
        "restarts",
        "lag",
        "step_seconds",
    ):
        assert f"spindlewatch_{name}" in asked


def test_the_example_of_a_site_is_valid_and_watches_what_it_declares():
    path = FOLDER / "site.toml"
    result = CliRunner().invoke(cli, ["check", str(path)])
    assert result.exit_code == 0, result.output
    config = load_config(path)
    assert config.service.shards <= len(config.spindles)


def test_the_unit_starts_a_command_that_exists(unit):
    program, command, *options = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "spindlewatch"
    wanted = {opt for parameter in cli.commands[command].params for opt in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= wanted


def test_kernels_are_compiled_once_before_the_processes_start(unit, compose):
    command = compose["services"]["spindlewatch"]["entrypoint"][2]
    for text in (unit["Service"]["ExecStartPre"], command):
        (module,) = re.findall(r"python -m (\S+)", text)
        assert callable(import_module(module).main)
    assert command.endswith('exec spindlewatch "$$@"')  # Compose makes one of two


def test_the_unit_gives_time_to_drain_and_does_not_retry_what_a_person_must_mend(unit):
    service = unit["Service"]
    assert float(service["TimeoutStopSec"]) > 2 * load_config().service.drain_s
    assert int(service["RestartPreventExitStatus"]) == ConfigError.exit_code
    assert float(service["WatchdogSec"]) > 2 * load_config().service.hang_s
    assert "MemoryDenyWriteExecute" not in service  # compiled kernels are memory that was written and is run


def test_systemd_takes_the_unit_and_finds_little_exposed(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on the PATH")
    copy = tmp_path / "spindlewatch.service"
    text = (FOLDER / "spindlewatch.service").read_text()
    copy.write_text(re.sub(r"(?m)^(Exec\w+)=/\S+", rf"\1={sys.executable}", text))

    verified = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", copy],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (verified.returncode, verified.stderr) == (0, "")
    assert found.returncode == 0, found.stdout[-200:]  # 1.5 of 10 at most


def test_containers_listen_on_this_machine_alone_and_can_change_nothing_but_their_data(compose):
    assert set(compose["services"]) == {"redis", "spindlewatch"}
    for service in compose["services"].values():
        assert service["network_mode"] == "host"  # whose loopback addresses the configurations name
        assert "ports" not in service
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        writable = [volume.split(":")[0] for volume in service["volumes"] if not volume.endswith(":ro")]
        assert set(writable) <= set(compose["volumes"])
        for volume in service["volumes"]:
            if volume.startswith("./"):
                assert (FOLDER / volume.split(":")[0]).exists()
    assert "/" not in compose["services"]["redis"]["image"]


def test_a_container_has_as_long_to_end_as_the_service_may_take(compose):
    service = compose["services"]["spindlewatch"]
    assert float(service["stop_grace_period"].removesuffix("s")) > 2 * load_config().service.drain_s
    assert f":{load_config().service.http_port}/livez" in service["healthcheck"]["test"][-1]


def test_the_image_is_built_from_all_that_the_package_is_made_of(compose):
    build = compose["services"]["spindlewatch"]["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    dockerfile = ROOT / build["dockerfile"]
    assert dockerfile == FOLDER / "Dockerfile"
    taken = [line[1:] for line in (FOLDER / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    wanted += [project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"]
    wanted += re.findall(r"requirements\S*\.txt", dockerfile.read_text())
    for name in wanted:
        assert (ROOT / name).exists()
        assert any(fnmatch(name, pattern) for pattern in taken), name


def test_the_image_keeps_what_it_writes_where_the_volumes_are(compose):
    text = (FOLDER / "Dockerfile").read_text()
    mounted = {
        volume.split(":")[-1]
        for volume in compose["services"]["spindlewatch"]["volumes"]
        if ":ro" not in volume
    }
    assert set(orjson.loads(re.search(r"^VOLUME (.*)$", text, re.M)[1])) == mounted
    assert f"WORKDIR {re.search(r'/var/lib/[a-z]+', text)[0]}" in text
    assert re.search(r"NUMBA_CACHE_DIR=(\S+)", text)[1] in mounted
    assert re.search(r"^USER (?!root)\w+$", text, re.M)


def test_redis_so_configured_forgets_nothing_and_lets_nobody_in_from_outside(tmp_path):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    socket = tmp_path / "redis.sock"
    command = [
        "redis-server",
        FOLDER / "redis.conf",
        "--port",
        "0",
        "--unixsocket",
        socket,
        "--dir",
        tmp_path,
    ]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        closing(Redis(unix_socket_path=str(socket), protocol=2)) as redis,
    ):
        try:
            wait_until(lambda: _answers(redis))
            kept = redis.config_get("*")
        finally:
            process.kill()
    wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": ""}
    assert {key: kept[key] for key in wanted} == wanted
    assert int(kept["maxmemory"]) > 2**30
    assert kept["bind"] == "127.0.0.1 -::1"
    assert kept["protected-mode"] == "yes"


def _answers(redis):
    try:
        return redis.ping()
    except RedisError:
        return False
