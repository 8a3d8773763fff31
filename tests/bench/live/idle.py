"""What a client costs that is told nothing."""

from __future__ import annotations

from tests.bench.live.headrace import Headrace
from tests.bench.report import Figure, Report, Target
from tests.bench.servers.memory import Memory, memory_of_idle
from tests.bench.sizes import Sizes

MEMORY_TARGET = Target(most=30)


async def idle(report: Report, headrace: Headrace, sizes: Sizes) -> Memory:
    """The API's memory; measured first, since what was used and given back before would be used again and not counted."""
    memory = await memory_of_idle(headrace, sizes.idle_clients, sizes.idle_seconds)
    report.say(f"idle: {memory.streams:.1f} KB a client")
    report.figures.append(
        Figure(
            name=f"{memory.clients:,} idle clients, memory of each",
            measured=f"{memory.streams:.1f} KB",
            yardstick=f"API {memory.before['api'] / 1e6:.0f} MB without, {memory.after['api'] / 1e6:.0f} MB with them; "
            f"NATS {memory.kilobytes_each['nats']:.1f} KB each",
            value=memory.streams,
            unit="KB",
            target=MEMORY_TARGET,
            detail=memory._asdict(),
        )
    )
    return memory
