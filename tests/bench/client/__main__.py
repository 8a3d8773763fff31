from __future__ import annotations

import gc
import sys
from pathlib import Path

import msgspec
import uvloop

from tests.bench.client.burst import burst
from tests.bench.client.following import follow, hold
from tests.bench.client.paced import PacedRun
from tests.bench.client.plans import Burst, Follow, Hold, Paced, Plan, Result, Resume
from tests.bench.client.resuming import ResumeRun
from tests.bench.client.wire import WireError


async def run(plan: Plan) -> Result:
    match plan:
        case Burst():
            return await burst(plan)
        case Paced():
            return await PacedRun(plan).run()
        case Follow():
            return await follow(plan)
        case Hold():
            return await hold(plan)
        case Resume():
            return await ResumeRun(plan).run()


if __name__ == "__main__":
    gc.disable()  # a collection in the client would be taken for a stall of the server
    try:
        result = uvloop.run(run(msgspec.json.decode(sys.argv[1], type=Plan)))
    except (WireError, OSError) as error:
        sys.exit(str(error))
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(result))
