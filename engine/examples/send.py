"""Send one spindle's data from Python: `python send.py redis://127.0.0.1:6379/0 M1`."""

import sys
from pathlib import Path

import numpy as np

from engine.clock import WallClock
from engine.producer import Producer
from engine.records import Block, Context, Tick

RATE_HZ, N_SAMPLES = 25_600.0, 256


def main(url: str, spindle: str) -> None:
    """Send what the machine does, ten milliseconds of two channels, and how far time has come."""
    phase = 2 * np.pi * 400 * np.arange(N_SAMPLES) / RATE_HZ
    block_ns = round(N_SAMPLES / RATE_HZ * 1e9)
    t_ns = WallClock().now_ns() - block_ns
    # What Redis does not take waits in this folder, also for the next process.
    producer = Producer(url, spindle, spool=Path("spool"))
    producer.send(Context(spindle, t_ns, tool="T7", program="O1001", rpm=12_000.0, cutting=True, n_teeth=4))
    samples = np.array([np.sin(phase), 0.5 * np.cos(phase)], np.float32)
    producer.send(Block(spindle, "vib", t_ns, RATE_HZ, samples))
    producer.send(Tick(spindle, t_ns + block_ns))
    producer.close()
    print(dict(producer.counts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
