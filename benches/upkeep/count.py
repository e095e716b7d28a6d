"""A proxy that counts: python3 count.py LISTEN_PORT SERVER_PORT, on loopback.

For each line on stdin it prints how many requests were answered and how many bytes these answers had since the line
before. What a client sends after it was answered is a new request.
"""

import asyncio
import sys

listen, server = map(int, sys.argv[1:])
CHUNK = 1 << 20
counted = [0, 0]


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", server, limit=CHUNK)
    except OSError:
        writer.close()
        return
    is_answered = True

    async def requests() -> None:
        nonlocal is_answered
        while data := await reader.read(CHUNK):
            counted[0] += is_answered
            is_answered = False
            to_server.write(data)
            await to_server.drain()
        to_server.close()

    async def answers() -> None:
        nonlocal is_answered
        while data := await from_server.read(CHUNK):
            is_answered = True
            counted[1] += len(data)
            writer.write(data)
            await writer.drain()
        writer.close()

    await asyncio.gather(requests(), answers(), return_exceptions=True)


def tell() -> None:
    if not sys.stdin.readline():
        asyncio.get_running_loop().stop()
        return
    print(*counted, flush=True)
    counted[:] = [0, 0]


async def main() -> None:
    asyncio.get_running_loop().add_reader(sys.stdin, tell)
    await (await asyncio.start_server(serve, "127.0.0.1", listen, limit=CHUNK)).serve_forever()


try:
    asyncio.run(main())
except RuntimeError:
    # The loop was stopped: who asked for counts is gone.
    pass
