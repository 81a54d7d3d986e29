import os
import socket

import pytest

from engine.service.notify import notify, reloading, watchdog_s


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """A service manager's ear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(5.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield ear


def test_the_manager_is_told(manager):
    assert notify("READY=1\nSTATUS=all well")
    assert manager.recv(100) == b"READY=1\nSTATUS=all well"


def test_a_reload_carries_the_time_by_the_clock_the_manager_uses(manager):
    assert reloading()
    kind, time = manager.recv(100).split(b"\n")
    assert kind == b"RELOADING=1"
    assert time.startswith(b"MONOTONIC_USEC=")


def test_nobody_to_tell_is_no_error(tmp_path, monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "wanted_s"),
    [
        ("30000000", "", 15.0),
        ("30000000", "self", 15.0),
        ("30000000", "1", None),
        ("", "", None),
        ("x", "", None),
    ],
)
def test_signs_of_life_are_given_twice_as_often_as_wanted_and_only_by_who_is_asked(
    monkeypatch, usec, pid, wanted_s
):
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "self" else pid)
    assert watchdog_s() == wanted_s
