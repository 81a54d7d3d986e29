"""What holds for the repository as a whole."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from engine import __version__
from engine.config import Config, load_config

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-build.txt", "requirements-dev.txt", "requirements-peers.txt")
HEAVY = ("bytewax", "numba", "numpy", "pyarrow", "redis", "rich", "river", "scipy", "websockets")


def pins(lock):
    """``name -> version and marker`` of a lock."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    found = (line.rstrip(" \\").split("==", 1) for line in lines if line and not line.startswith((" ", "#")))
    return {name: rest for name, rest in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pins_and_hashes_and_no_address(lock):
    pin = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ; [a-z_]+ [<>=!]+ '[A-Za-z0-9._]+')? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")

    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not pin.fullmatch(line) and not digest.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS[:2])
def test_the_development_lock_holds_the_same_pins(lock):
    assert pins(lock).items() <= pins("requirements-dev.txt").items()


def test_peers_move_no_pin_of_the_development_lock():
    development, peers = pins("requirements-dev.txt"), pins("requirements-peers.txt")

    both = development.keys() & peers.keys()

    assert {"numba", "numpy", "scipy"} <= both
    assert {name: peers[name] for name in both} == {name: development[name] for name in both}


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    named = {re.match(r"[a-z0-9-]+", wanted).group() for wanted in project["dependencies"]}

    assert named <= set(pins("requirements.txt"))


def test_the_version_is_said_once_for_all():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == __version__
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_help_imports_nothing_heavy():
    script = (
        "import sys\n"
        "sys.argv = ['spindlewatch', '--help']\n"
        "from engine.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print('loaded:', *(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "replay" in ended.stdout
    assert ended.stderr.strip() == "loaded:"


def test_default_toml_states_every_key_and_no_other():
    tables = tomllib.loads((ROOT / "engine" / "default.toml").read_text(encoding="utf-8"))

    for table in msgspec.structs.fields(Config):
        if not isinstance(table.type, type) or not issubclass(table.type, msgspec.Struct):
            continue
        required = {field.name for field in msgspec.structs.fields(table.type) if field.required}
        known = {field.name for field in msgspec.structs.fields(table.type)}
        assert required <= set(tables[table.name]) <= known, table.name
    assert load_config() is load_config()


def headings(name):
    """Levels of the headings of a Markdown file, outside its code blocks."""
    text = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.M | re.S)
    return [len(match.group(1)) for match in re.finditer(r"^(#+) ", text, flags=re.M)]


def code(name):
    """Code blocks of a Markdown file without their comments."""
    blocks = re.findall(
        r"^```(?:sh|console|toml)\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), flags=re.M | re.S
    )
    return [re.sub(r"\s*#.*", "", block) for block in blocks]


def test_both_readmes_say_the_same_in_two_languages():
    assert headings("README.md") == headings("README.ko.md")
    assert code("README.md") == code("README.ko.md")


@pytest.mark.parametrize("name", ["README.md", "README.ko.md", "CONTRIBUTING.md", "perf/README.md"])
def test_every_relative_link_leads_somewhere(name):
    path = ROOT / name
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))

    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []
