import pytest

from engine.config import load_config, parse_config
from engine.errors import ConfigError

BEYOND = '[hub]\nhost = "0.0.0.0"\n'
TOKENS = '[access]\ntokens_file = "tokens.json"\n'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (BEYOND, r"tokens \(access\.tokens_file.*\) and TLS .*got '0\.0\.0\.0' - at `\$\.hub\.host`"),
        (BEYOND + TOKENS, r"need TLS \(access\.tls_cert"),
        (BEYOND + '[access]\ntls_cert = "c.pem"', r"need tokens \(access\.tokens_file"),
        ('[hub]\nhost = "mill.example"', r"IP address, got 'mill\.example'"),
        ('[hub]\nhost = ""', r"IP address, got ''"),
        ('[access]\ntls_key = "k.pem"', r"access\.tls_key"),
        ('[access]\ntls_cert = "c.pem"\ntls_elsewhere = true', r"access\.tls_elsewhere"),
        ('[access]\norigins = ["https://mill.example/page"]', r"access\.origins\[0\]"),
        ("[access]\ntls_elsewhere = true", r"access\.tokens_file"),
        ('[access]\norigins = ["*"]', r"access\.origins\[0\]"),
        ('[access]\norigins = ["null"]', r"access\.origins\[0\]"),
        ('[access]\norigins = ["https://user@mill.example"]', r"access\.origins\[0\]"),
        ('[access]\norigins = ["https://mill.example:99999"]', r"access\.origins\[0\]"),
    ],
)
def test_what_would_let_anybody_in_is_refused_with_what_is_missing(text, wanted):
    with pytest.raises(ConfigError, match=wanted):
        parse_config(text)


@pytest.mark.parametrize("tls", ['tls_cert = "c.pem"', "tls_elsewhere = true"])
def test_beyond_this_machine_needs_tokens_and_tls_and_no_more(tls):
    assert parse_config(f"{BEYOND}{TOKENS}{tls}\n").hub.host == "0.0.0.0"


def test_who_may_look_decides_no_alert():
    config = parse_config(f'{TOKENS}origins = ["https://mill.example:8765"]')

    assert config.hash == load_config().hash
