from pathlib import Path

from engine.config import parse_config
from engine.service.supervise import Options, specs_of

COPY = Path("/run/site.toml")


def _arguments(spec):
    """Of the module, without what binds it to this process."""
    return spec.command[4:]


def test_a_site_runs_its_shards_and_a_gateway_that_ends_last():
    specs = specs_of(parse_config("[service]\nshards = 2\n"), COPY, Options())

    assert [(spec.name, spec.last, spec.together) for spec in specs] == [
        ("shard-0", False, False),
        ("shard-1", False, False),
        ("gateway", True, False),
    ]
    assert _arguments(specs[1]) == ("engine.service.shard", "--config", str(COPY), "--shard", "1")
    assert _arguments(specs[2]) == ("engine.service.gateway", "--config", str(COPY))


def test_a_host_of_several_starts_its_own_shards_which_stand_and_fall_together():
    text = '[service]\nshards = 3\n[cluster]\naddresses = ["10.0.0.1:9", "10.0.0.2:9", "10.0.0.2:10"]\nhere = [1, 2]\n'
    specs = specs_of(parse_config(text), COPY, Options())

    assert [(spec.name, spec.together) for spec in specs] == [
        ("shard-1", True),
        ("shard-2", True),
        ("gateway", False),
    ]


def test_what_the_command_line_says_reaches_those_whom_it_concerns():
    shard, gateway = specs_of(parse_config(""), COPY, Options(port=0, fresh=True, log="text"))

    assert shard.at_first == ("--fresh",)
    assert ("--log", "text") == _arguments(shard)[3:5] == _arguments(gateway)[3:5]
    assert _arguments(gateway)[5:] == ("--port", "0")
    assert gateway.at_first == ()
