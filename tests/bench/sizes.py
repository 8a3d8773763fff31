"""How much is measured."""

from __future__ import annotations

from typing import NamedTuple


class Sizes(NamedTuple):
    """Of a full run, by default."""

    tasks: int = 10_000
    rounds: int = 5
    counted: int = 5_000
    warm_up: int = 300
    paced_seconds: int = 20
    starts: int = 3
    retries: int = 10_000
    batch: int = 10_000
    large_batch: int = 100_000
    fair_seconds: int = 10
    queue: int = 200_000
    clients: int = 1_000
    fan_seconds: int = 15
    idle_clients: int = 4_000
    idle_seconds: int = 20
    resuming: int = 200
    behind: int = 1_000
    resume_seconds: int = 10
    finished: int = 1_000_000
    logged: int = 2_000_000
    upload_bytes: int = 512 << 20
    table_bytes: int = 1_000_000_000
    photos: int = 200
    files: int = 10_000


FULL = Sizes()
QUICK = Sizes(
    tasks=2_000,
    rounds=2,
    counted=1_000,
    warm_up=100,
    paced_seconds=5,
    starts=1,
    retries=1_000,
    batch=2_000,
    large_batch=20_000,
    fair_seconds=2,
    queue=10_000,
    clients=100,
    fan_seconds=3,
    idle_clients=400,
    idle_seconds=3,
    resuming=20,
    behind=300,
    resume_seconds=3,
    finished=50_000,
    logged=40_000,
    upload_bytes=64 << 20,
    table_bytes=50_000_000,
    photos=8,
    files=500,
)
