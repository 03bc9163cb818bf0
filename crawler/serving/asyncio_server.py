"""asyncio: a coroutine for each connection, in the standard library's event loop.

    start_server ──► task: await read, await drain, await read ... ends
                       └ an await that has to wait goes back to the loop, which runs who is ready

Facts.
* The text is thread_server.py's with an `await` wherever it may wait, so one can see where another
  client may come between (PEP 492). The loop below is selectors_server.py's.
* asyncio.start_server accepts whoever comes, and when descriptors run out it tries as many accepts
  as its backlog is long and complains of each. So this one accepts for itself.
* Streams buffer in both directions; `drain` is what holds this side back when a client does not
  read (asyncio documentation, Streams).
* The right choice for servers that do many things at once in one program, with libraries for all.
Read next: crawler/engines/asyncio_loop.py, the other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from crawler.serving.models import GRACE, IDLE, PAUSE, SIZE

if TYPE_CHECKING:
    from crawler.serving._stop import Stop
    from crawler.serving.models import Plan
    from crawler.serving.talks import Step, Talk

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


def run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    """Serve until a signal."""
    listener.setblocking(False)
    asyncio.run(_run(listener, plan, stop))


async def _run(listener: socket.socket, plan: Plan, stop: Stop) -> None:
    clients: dict[asyncio.Task[None], socket.socket] = {}
    accepting = asyncio.create_task(_accept(listener, plan, clients))
    loop = asyncio.get_running_loop()

    def rung() -> None:
        if stop.hear():
            loop.remove_reader(listener)  # sock_accept fails when a client comes as it is cancelled
            accepting.cancel()

    loop.add_reader(stop.bell, rung)
    with contextlib.suppress(asyncio.CancelledError):
        await accepting
    listener.close()  # those who come now are refused
    for client in clients.values():
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RD)  # what is answered now is the last
    if clients:
        await asyncio.wait(tuple(clients), timeout=GRACE)
    # What does not end is cancelled by asyncio.run.


async def _accept(
    listener: socket.socket, plan: Plan, clients: dict[asyncio.Task[None], socket.socket]
) -> None:
    loop = asyncio.get_running_loop()
    room = asyncio.Semaphore(plan.connections)

    def gone(task: asyncio.Task[None]) -> None:
        del clients[task]
        room.release()

    while True:
        await room.acquire()  # the kernel's queue holds those who come
        try:
            client, _ = await loop.sock_accept(listener)
        except OSError:
            room.release()
            await asyncio.sleep(PAUSE)  # out of descriptors: one will be given back
            continue
        task = loop.create_task(_serve(client, plan.talk()))
        clients[task] = client
        task.add_done_callback(gone)
        await asyncio.sleep(0)  # an accept that finds a client does not go back to the loop


async def _serve(client: socket.socket, talk: Talk) -> None:
    """One conversation, to the last byte."""
    reader, writer = await asyncio.open_connection(sock=client, limit=SIZE)
    try:
        await _converse(reader, writer, talk)
        writer.close()
        async with asyncio.timeout(IDLE):
            await writer.wait_closed()
    except OSError:
        pass  # it is gone, or was too slow
    finally:
        # Once its socket is closed a transport has let go of its loop, and may fail when aborted:
        # it does if the last bytes left after close() (asyncio/selector_events.py, _write_ready).
        if writer.get_extra_info("socket").fileno() >= 0:
            writer.transport.abort()


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
