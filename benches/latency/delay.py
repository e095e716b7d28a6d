"""A proxy that makes every request wait: python3 delay.py LISTEN_PORT SERVER_PORT MILLISECONDS, on loopback.

What a client sends after it was answered is a new request, and is passed on only after the delay; connections wait side
by side, so that the bandwidth stays that of the server.
"""

import asyncio
import sys

listen, server, milliseconds = map(int, sys.argv[1:])
CHUNK = 1 << 20


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", server, limit=CHUNK)
    except OSError:
        writer.close()
        return
    answered = True

    async def requests() -> None:
        nonlocal answered
        while data := await reader.read(CHUNK):
            if answered:
                answered = False
                await asyncio.sleep(milliseconds / 1000)
            to_server.write(data)
            await to_server.drain()
        to_server.close()

    async def answers() -> None:
        nonlocal answered
        while data := await from_server.read(CHUNK):
            answered = True
            writer.write(data)
            await writer.drain()
        writer.close()

    await asyncio.gather(requests(), answers(), return_exceptions=True)


async def main() -> None:
    await (await asyncio.start_server(serve, "127.0.0.1", listen, limit=CHUNK)).serve_forever()


asyncio.run(main())
