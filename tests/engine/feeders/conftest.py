from collections.abc import Iterator
from pathlib import Path

import pytest
from mosquitto import Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real mosquitto that lets anybody in."""
    server = Mosquitto(tmp_path)
    server.start()
    yield server
    server.stop()
