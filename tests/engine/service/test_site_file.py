import stat

import pytest

from engine.config import load_config, parse_config
from engine.errors import ConfigError, SpindlewatchError, UsageError
from engine.service.site_file import SiteFile, changes, told

SITE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 25600.0
channels = [{ name = "vib_x", unit = "g" }]
"""


@pytest.fixture
def path(tmp_path):
    """A site's file."""
    (tmp_path / "site.toml").write_text(SITE)
    return tmp_path / "site.toml"


def test_children_read_a_copy_that_is_its_owners_alone_and_goes_at_the_end(path):
    with SiteFile(path) as site:
        path.write_text("broken [")
        assert load_config(site.copy) == site.config
        assert stat.S_IMODE(site.copy.parent.stat().st_mode) == 0o700
    assert not site.copy.parent.exists()


def test_what_may_change_is_taken_over_by_the_copy(path):
    limits = '[[limits]]\nfeature = "vib_x.rms"\nabove = 5.0\n[learn]\nfalse_alerts_per_day = 2.0\n'
    with SiteFile(path) as site:
        path.write_text(SITE + limits)
        changed = [told(change) for change in site.reload()]

        assert changed == [
            "learn.false_alerts_per_day: 1.0 -> 2.0",
            "limits[0].feature: (none) -> vib_x.rms",
            "limits[0].above: (none) -> 5.0",
        ]
        assert load_config(site.copy) == site.config
        assert site.config.limits[0].above == 5.0
        assert site.reload() == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('[redis]\nprefix = "other"\n', r"redis\.prefix: spindlewatch -> other"),
        ("[service]\nshards = 2\n", r"service\.shards: 1 -> 2"),
        ("[cluster]\nhere = [0]\n", r"cluster\.here: \(none\) -> \[0\]"),
        ("[learn]\nn_cuts = 5\n", r"learn\.n_cuts: 10 -> 5"),
        ("[hub]\nport = 1\n", r"hub\.port: 8765 -> 1"),
        ('[[detectors]]\nname = "pca"\n', r"detectors\[0\]\.name: mewma -> pca"),
        ("[judge]\non = 1.5\n[ring]\nhours = 3.0\n", r"restart: ring\.hours: 2\.0 -> 3\.0$"),
        (SITE.replace("M1", "M2"), r"spindles\.M2\.name: \(none\) -> M2"),
    ],
)
def test_what_needs_a_restart_is_named_and_nothing_is_taken_over(path, more, told):
    with SiteFile(path) as site:
        before = site.config
        path.write_text(SITE + more)
        with pytest.raises(ConfigError, match=told):
            site.reload()
        assert site.config is before
        assert load_config(site.copy) == before


def test_what_was_refused_is_undone_up_to_what_all_could_use(path):
    with SiteFile(path) as site:
        for on, proven in ((1.25, True), (1.5, False), (1.75, False)):
            path.write_text(SITE + f"[judge]\non = {on}\n")
            site.reload()
            if proven:
                site.prove()
        site.revert()

        assert site.config.judge.on == 1.25
        assert load_config(site.copy) == site.config


def test_no_room_for_a_copy_is_one_error_and_changes_nothing(path):
    with SiteFile(path) as site:
        before = site.config
        path.write_text(SITE + "[judge]\non = 1.5\n")
        site.copy.with_suffix(".new").mkdir()  # as good as a full disk
        with pytest.raises(SpindlewatchError, match=r"site\.toml: no copy can be kept"):
            site.reload()
        assert site.config is before
        assert load_config(site.copy) == before


def test_what_the_file_says_may_change_leaves_what_was_learnt_usable():
    (spindle,) = parse_config(SITE).spindles
    live = "[judge]\non = 2.0\n[learn]\nfalse_alerts_per_day = 3.0\n[hub]\npage_size = 7\n[tune]\nfolds = 3\n"
    assert parse_config(SITE + live).learning_hash(spindle) == parse_config(SITE).learning_hash(spindle)


def test_a_changed_password_is_told_as_a_change_without_it():
    old, new = (parse_config(f'[redis]\nurl = "redis://:{word}@host/0"\n') for word in ("hush", "hash"))
    assert changes(old, new) == [("redis.url", "redis://***@host/0", "redis://***@host/0")]


def test_a_site_without_spindles_is_one_error(path):
    path.write_text("[judge]\non = 1.5\n")
    with pytest.raises(UsageError, match=r"site\.toml: wanted the spindles"):
        SiteFile(path)


def test_addresses_of_whom_to_tell_are_not_shown():
    target = '[[notify]]\nname = "shop"\nkind = "webhook"\nurl = "https://mes.example/s3cret"\n'

    assert {
        told(change) for change in changes(load_config(), parse_config(target)) if "url" in change[0]
    } == {"notify[0].url: ... -> ..."}
