import tomllib
from pathlib import Path

import pytest

from engine.config import load_config, parse_config
from engine.errors import ConfigError


def test_defaults_are_valid_and_complete():
    config = load_config()

    assert config.judge.on == 1.0
    assert config.detectors
    assert load_config() is config


def test_a_site_file_changes_only_what_it_names():
    site = parse_config("[judge]\non = 1.5\n")

    assert site.judge.on == 1.5
    assert site.judge.off == load_config().judge.off
    assert site.check == load_config().check


def test_a_list_of_detectors_replaces_the_default_list():
    site = parse_config('[[detectors]]\nname = "gaussian_scorer"\n')

    assert [entry.name for entry in site.detectors] == ["gaussian_scorer"]


def test_a_space_to_search_replaces_the_default_one_and_weights_are_laid_over():
    site = parse_config('[tune.cost]\nunit = "KRW"\n[tune.space]\n"judge.on" = { low = 1.0, high = 1.5 }\n')

    assert list(site.tune.space) == ["judge.on"]
    assert site.tune.cost.unit == "KRW"
    assert site.tune.cost.missed_fault == load_config().tune.cost.missed_fault


def test_the_hash_follows_what_decides_and_nothing_else():
    default = load_config().hash

    assert parse_config("[judge]\non = 1.5\n").hash != default
    assert parse_config("[hub]\nport = 1\n").hash == default
    assert parse_config("[tune.cost]\nfalse_alert = 99\n").hash == default
    assert parse_config("[ring]\nhours = 99\n").hash == default
    for site in (
        "[service]\nshards = 4\n",
        "[cluster]\nhere = [0]\n",
        '[log]\nlevel = "debug"\n',
        "[feeds]\nx = 1\n",
    ):
        assert parse_config(site).hash == default
    assert parse_config("").hash == default
    assert len(default) == 12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[judge]\nonn = 1\n", ("onn", "$.judge")),
        ("[nosuch]\n", ("nosuch",)),
        ("[judge]\non = 'high'\n", ("float", "str", "$.judge.on")),
        ("[judge]\non = -1\n", ("> 0", "$.judge.on")),
        ("[judge]\noff = 2\n", ("on = 1.0", "got 2", "$.judge.off")),
        ("[check]\nsilent_s = 0.2\n", ("max_block_s", "$.check.silent_s")),
        ("[waveform]\nwindow_s = 0.01\n", ("hop_s", "$.waveform.window_s")),
        ("detectors = []\n", ("at least one", "$.detectors")),
        ('[[limits]]\nfeature = "vib_x.rms"\n', ("above", "$.limits[0]")),
        ("[learn]\nfalse_alerts_per_day = -1\n", (">= 0", "$.learn.false_alerts_per_day")),
        ('[learn]\ndirection = {"*.rms" = "up"}\n', ("up", "$.learn.direction")),
        ('[tune.space]\n"judge.on" = { lo = 1 }\n', ("lo", "$.tune.space")),
        ("[tune.cost]\nmissed_fault = -1\n", (">= 0", "$.tune.cost.missed_fault")),
        ('[ensemble]\nrule = "median"\n', ("median", "$.ensemble.rule")),
        ('[ensemble]\nrule = "agree"\nagree = 9\n', ("[[detectors]]", "got 9", "$.ensemble.agree")),
        ("[[severity]]\nzones_mm_s = [2.8, 1.4, 4.5]\n", ("rising", "$.severity[0].zones_mm_s")),
        ("[[severity]]\nzones_mm_s = [1.4, 2.8, 4.5]\ngroup = 2\n", ("got both", "$.severity[0]")),
        (
            "[[severity]]\nstandard = 'iso_20816_3'\ngroup = 2\n",
            ("`support`", "got neither", "$.severity[0]"),
        ),
        ("[[severity]]\nspindles = ['M1']\n", ("zones_mm_s", "got neither", "$.severity[0]")),
        ("[service]\nshards = 0\n", (">= 1", "$.service.shards")),
        ("[service]\nhttp_port = 70000\n", ("65535", "$.service.http_port")),
        ('[log]\nlevel = "loud"\n', ("loud", "$.log.level")),
        ('[cluster]\naddresses = ["127.0.0.1:1", "127.0.0.1:2"]\n', ("= 1, got 2", "$.cluster.addresses")),
        ('[cluster]\naddresses = ["127.0.0.1"]\n', ("host:port", "$.cluster.addresses[0]")),
        ('[cluster]\naddresses = ["8.8.8.8:9"]\n', ("private", "allow_public", "$.cluster.addresses[0]")),
        ('[cluster]\naddresses = ["0.0.0.0:9"]\n', ("private", "$.cluster.addresses[0]")),
        ('[cluster]\naddresses = ["shop.example:9"]\n', ("private", "$.cluster.addresses[0]")),
        ('[service]\nshards = 2\n[cluster]\naddresses = ["[::1]:9", "[::1]:9"]\n', ("twice", "addresses[1]")),
        ("[cluster]\nhere = [1]\n", ("below service.shards = 1", "$.cluster.here[0]")),
        ("[cluster]\nhere = [0, 0]\n", ("got 0 twice", "$.cluster.here[1]")),
        ('[redis]\nca_file = "ca.pem"\n', ("rediss://", "got redis://", "$.redis.ca_file")),
        (
            '[redis]\nurl = "redis://:hush@host"\npassword_file = "p"\n',
            ("got both", "$.redis.password_file"),
        ),
        ("[judge\n", ("TOML", "line 1")),
    ],
)
def test_an_error_names_the_file_the_key_and_what_was_wanted(text, words):
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "site.toml")

    assert str(caught.value).startswith("site.toml: ")
    for word in words:
        assert word in str(caught.value)


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        load_config(tmp_path / "nowhere.toml")


def test_every_key_of_the_defaults_is_explained():
    text = (Path(load_config.__code__.co_filename).parent / "default.toml").read_text(encoding="utf-8")

    bare = [line for line in text.splitlines() if " = " in line and "#" not in line]

    assert tomllib.loads(text)
    assert bare == []


_SPINDLE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 25600.0
channels = [{ name = "vib_x", unit = "g" }]
"""


def test_declared_spindles_decide_nothing_and_are_read_as_in_a_recording():
    config = parse_config(_SPINDLE)
    assert [spindle.name for spindle in config.spindles] == ["M1"]
    assert config.hash == load_config().hash


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (_SPINDLE + _SPINDLE, r"'M1' twice - at `\$\.spindles\[1\]\.name`"),
        (
            _SPINDLE.replace("25600.0", "0.0"),
            r"sample_rate_hz above 0, got 0.0 - at `\$\.spindles\[0\]\.groups\[0\]`",
        ),
        (_SPINDLE.replace('"M1"', '"a\\nb"'), r"printable bytes, got 'a\\nb' - at `\$\.spindles\[0\]\.name`"),
    ],
)
def test_spindles_that_cannot_be_are_one_error_with_their_path(text, wanted):
    with pytest.raises(ConfigError, match=wanted):
        parse_config(text)


def test_learnt_state_outlives_another_limit_but_no_other_detector():
    (spindle,) = parse_config(_SPINDLE).spindles
    default = load_config().learning_hash(spindle)
    limits = '[[limits]]\nfeature = "vib_x.rms"\nabove = 1.0\n'
    for same in (
        limits,
        "[judge]\non = 1.5\n",
        _SPINDLE + _SPINDLE.replace("M1", "M2"),
        "[redis]\nbatch = 7\n",
        "[learn]\nfalse_alerts_per_day = 0.0\n",
    ):
        assert parse_config(same).learning_hash(spindle) == default
    assert parse_config("[learn]\nn_cuts = 5\n").learning_hash(spindle) != default


def test_learnt_state_is_another_spindles_once_a_channel_has_changed():
    (before,) = parse_config(_SPINDLE).spindles
    (after,) = parse_config(_SPINDLE.replace('"g"', '"m/s²"')).spindles
    assert load_config().learning_hash(before) != load_config().learning_hash(after)


def test_the_password_of_an_address_is_told_by_no_error():
    for text in (
        'url = "redis://:hush@host"\npassword_file = "p"\n',
        'url = "shop:hush@host"\nca_file = "p"\n',
    ):
        with pytest.raises(ConfigError) as caught:
            parse_config(f"[redis]\n{text}")
        assert "hush" not in str(caught.value)


def test_addresses_of_one_shop_are_taken_and_public_ones_on_request():
    addresses = '["192.168.0.7:2101", "localhost:2101", "[fd00::1]:2101"]'
    site = parse_config(f"[service]\nshards = 3\n[cluster]\naddresses = {addresses}\nhere = [2]\n")
    assert site.cluster.here == (2,)
    public = parse_config('[cluster]\naddresses = ["shop.example:9"]\nallow_public = true\n')
    assert public.cluster.addresses == ("shop.example:9",)
