from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.config import parse_config
from engine.errors import ConfigError

README = Path(__file__).resolve().parents[2] / "sinks" / "README.md"

WEBHOOK = '[[notify]]\nname = "shop"\nkind = "webhook"\nurl = "https://shop.example/in?a=b"\n'
MQTT = '[[notify]]\nname = "broker"\nkind = "mqtt"\nhost = "127.0.0.1"\n'
ALERTMANAGER = '[[notify]]\nname = "am"\nkind = "alertmanager"\nurl = "http://127.0.0.1:9093"\n'


def test_whom_to_tell_decides_no_alert():
    assert parse_config(WEBHOOK + MQTT + ALERTMANAGER).hash == parse_config("").hash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (WEBHOOK.replace("webhook", "pigeon"), r"pigeon.*\$\.notify\[0\]\.kind"),
        (MQTT + WEBHOOK.replace("url =", "uri ="), r"uri.*\$\.notify\[1\]"),
        (WEBHOOK + 'topic = "a"', r"topic.*\$\.notify\[0\]"),
        (WEBHOOK + WEBHOOK, r"shop' twice.*\$\.notify\[1\]\.name"),
        (WEBHOOK + 'spindles = ["M1"]', r"'M1'.*\$\.notify\[0\]\.spindles"),
        (WEBHOOK + "states = []", r"\$\.notify\[0\]\.states"),
        (WEBHOOK + "timeout_s = 0", r"\$\.notify\[0\]\.timeout_s"),
        (WEBHOOK.replace("shop.example", "me:s3cret@shop.example"), r"token_file.*\$\.notify\[0\]\.url"),
        (WEBHOOK.replace("https:", "ftp:"), r"got ftp:.*\$\.notify\[0\]\.url"),
        (WEBHOOK.replace("shop.example", "shop.example:99999"), r"\$\.notify\[0\]\.url"),
        (WEBHOOK.replace("shop.example/in", "/in"), r"\$\.notify\[0\]\.url"),
        (WEBHOOK.replace("/in", "/i n"), r"characters.*\$\.notify\[0\]\.url"),
        (WEBHOOK.replace("/in", "/i\\r\\nX: y"), r"characters.*\$\.notify\[0\]\.url"),
        (MQTT + 'topic = "a/#"', r"\$\.notify\[0\]\.topic"),
        (MQTT + 'username = "me"', r"password_file.*\$\.notify\[0\]"),
        (ALERTMANAGER + 'labels = { "a-b" = "c" }', r"\$\.notify\[0\]\.labels"),
        ("".join(MQTT.replace("broker", f"b{n}") for n in range(33)), r"\$\.notify"),
    ],
)
def test_what_cannot_be_meant_is_one_error_with_its_place(text, told):
    with pytest.raises(ConfigError, match=told) as raised:
        parse_config(text)

    assert "s3cret" not in str(raised.value)


def test_what_the_documentation_shows_can_be_configured():
    _, _, section = README.read_text(encoding="utf-8").partition("## Outbound")
    text = re.search(r"```toml\n(.*?)```", section, re.S).group(1)

    assert [target.name for target in parse_config(text).notify] == ["mes", "night-shift"]


def test_what_the_default_configuration_explains_can_be_configured():
    text = (README.parent.parent / "engine" / "default.toml").read_text(encoding="utf-8")
    lines = (
        re.search(r"# \[\[notify\]\].*?\n\n", text, re.S).group().replace("# ", "", 1).replace("\n# ", "\n")
    )

    [target] = parse_config(re.sub(r"(?m)^spindles = .*$", "", lines)).notify  # none is declared
    assert (target.max_tries, target.timeout_s, target.max_delay_s, target.max_age_s) == (
        8,
        10.0,
        60.0,
        86400.0,
    )
    [plain] = parse_config(WEBHOOK).notify
    assert (plain.max_tries, plain.timeout_s, plain.max_delay_s, plain.max_age_s) == (8, 10.0, 60.0, 86400.0)
