"""As load-node.ts, by gRPC's C core: load.py TARGET CALLS_PER_SECOND STREAMS_PER_SECOND REPLIES PAUSE_MS STUB_DIR."""

import asyncio
import json
import signal
import sys
import time

import grpc

target, calls_per_second, streams_per_second, replies, pause_ms, stub_dir = sys.argv[1:7]
sys.path.insert(0, stub_dir)

import greeter_pb2  # noqa: E402
import greeter_pb2_grpc  # noqa: E402
from test_protos import echo_pb2, echo_pb2_grpc  # noqa: E402

TICK_S = 0.01
IN_FLIGHT_MAX = 200  # as in load-node.ts
DEADLINE_S = 20
REPLIES = int(replies)
result = {"calls": 0, "streams": 0, "late": 0, "failures": []}
in_flight = 0


async def measure(kind, run):
    global in_flight
    in_flight += 1
    started = time.time() * 1000
    try:
        wrong = await run()
    except grpc.RpcError as error:
        wrong = f"{error.code().value[0]} {error.details()}"
    in_flight -= 1
    result["calls" if kind == "call" else "streams"] += 1
    if wrong:
        result["failures"].append(
            {"kind": kind, "what": wrong, "startedWallMs": started, "endedWallMs": time.time() * 1000}
        )


async def main():
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with grpc.aio.insecure_channel(target) as channel:
        greeter = greeter_pb2_grpc.GreeterStub(channel)
        echo = echo_pb2_grpc.EchoStub(channel)
        request = echo_pb2.EchoRequest(options=echo_pb2.Options(replies=REPLIES, pause_ms=int(pause_ms)))

        async def call():
            await greeter.SayHello(greeter_pb2.HelloRequest(name="rollout"), timeout=DEADLINE_S)

        async def stream():
            got = 0
            async for _ in echo.ServerStream(request, timeout=DEADLINE_S):
                got += 1
            return None if got == REPLIES else f"{got} of {REPLIES} replies"

        tasks = set()
        due = {"call": 0.0, "stream": 0.0}
        rates = {"call": float(calls_per_second), "stream": float(streams_per_second)}
        last = time.monotonic()
        print("started", flush=True)
        while not stopping.is_set():
            now = time.monotonic()
            for kind, run in (("call", call), ("stream", stream)):
                due[kind] += (now - last) * rates[kind]
                while due[kind] >= 1:
                    due[kind] -= 1
                    if in_flight >= IN_FLIGHT_MAX:
                        result["late"] += 1
                        continue
                    task = asyncio.ensure_future(measure(kind, run))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            last = now
            await asyncio.sleep(TICK_S)
        await asyncio.gather(*tasks)
    print(json.dumps(result), flush=True)


asyncio.run(main())
