"""A WebSocket server that returns each message: python echo.py PORT."""

import asyncio
import logging
import sys

from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    # Many cases break the protocol, and each would be logged.
    logging.disable(logging.CRITICAL)
    # The suite sends large messages, and counts frames: no limits, and no pings of the server's own.
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), max_size=None, ping_interval=None):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
