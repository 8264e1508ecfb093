"""Leads connections from outside to the API: the listening socket was made there, and was inherited into the node's network."""

import asyncio
import socket
import sys

from .places import API_ADDRESS


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there_reader, there_writer = await asyncio.open_connection(API_ADDRESS, 6443)
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(listener: int) -> None:
    server = await asyncio.start_server(serve, sock=socket.socket(fileno=listener))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
