"""asyncio: a coroutine for each connection, in the standard library's event loop.

    start_server ──► task: await read, await drain, await read ... ends
                       └ an await that has to wait goes back to the loop, which runs who is ready

Facts.
* The text is thread_server.py's with an `await` wherever it may wait, so one can see where another
  client may come between (PEP 492). The loop below is selectors_server.py's.
* When descriptors run out, asyncio tries as many accepts as the backlog it was told of, complains
  of each, and rests a second: so it is told of a short one, and its complaints go nowhere.
* Streams buffer in both directions; `drain` is what holds this side back when a client does not
  read (asyncio documentation, Streams).
* The right choice for servers that do many things at once in one program, with libraries for all.
Read next: crawler/engines/asyncio_loop.py, the other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
from typing import TYPE_CHECKING, Any

from crawler.serving.models import BACKLOG, GRACE, IDLE, SIZE

if TYPE_CHECKING:
    from crawler.serving.models import Plan
    from crawler.serving.talks import Step, Talk

_ACCEPTS = 64  # in one turn
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


def run(listener: socket.socket, plan: Plan) -> None:
    """Serve until a signal."""
    asyncio.run(_run(listener, plan))


async def _run(listener: socket.socket, plan: Plan) -> None:
    stopped = asyncio.Event()
    clients: dict[asyncio.Task[None], asyncio.StreamReader] = {}
    room = asyncio.Semaphore(plan.connections)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        clients[task] = reader
        try:
            async with room:
                await _converse(reader, writer, plan.talk())
        except (OSError, TimeoutError):
            pass  # it is gone, or was too slow
        finally:
            del clients[task]
            writer.close()

    def stop(number: int) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    loop.set_exception_handler(_heard)
    server = await asyncio.start_server(serve, sock=listener, backlog=_ACCEPTS, limit=SIZE)
    listener.listen(BACKLOG)  # it has made the kernel's queue as short as its turns
    await stopped.wait()
    server.close()
    for reader in clients.values():
        reader.feed_eof()  # what is answered now is the last
    if clients:
        await asyncio.wait(tuple(clients), timeout=GRACE)
    for task in tuple(clients):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _heard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass over what a client did, or descriptors that ran out; report anything else."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Talk) -> None:
    while True:
        step = talk.step()
        if step is None:
            async with asyncio.timeout(IDLE):
                talk.feed(await reader.read(SIZE))
        elif not await _done(reader, writer, step):
            return


async def _done(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, step: Step) -> bool:
    """Do a step; False when the conversation is over."""
    if step.delay:
        await asyncio.sleep(step.delay)
    if step.data:
        writer.write(step.data)
        async with asyncio.timeout(IDLE):
            await writer.drain()
    if step.end == "hang":
        while await reader.read(SIZE):
            pass
    elif step.end == "reset":
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
    return not step.end
