"""io_uring itself: two queues shared with the kernel, written and read by way of ctypes.

    send, recv, connect, cancel ──► submission queue ══enter══► kernel
                 (who, kind, result, data) ◄── completion queue ◄───┘

By hand, because a dependency is not needed: a request is one struct.pack_into of 64 bytes, a result
one unpack_from of 16, and a turn one call. (liburing on PyPI wraps each of these as a call of its
own, and has to be compiled where there is no wheel.) Numbers are those of <linux/io_uring.h>.

Facts.
* What is handed over stays in place until its completion came: the kernel reads and writes it
  whenever it likes. So requests have numbers that are never used twice, and `_owners` holds who
  made them. The kernel takes a read's buffer out of a shared stock when there is something to put
  into it (IORING_REGISTER_PBUF_RING, Linux 5.19), so that a thousand idle reads hold none.
* The queues' heads and tails need no barriers here: without SQPOLL the kernel reads what we wrote
  inside our own system call, and we look at what it wrote after that call, never beside it.
* When the completion queue is full the kernel keeps what is left over, and hands it out in the
  next call that asks for completions (IORING_FEAT_NODROP).
* The rings count towards the memory cgroup, not RLIMIT_MEMLOCK, since 5.12 (io_uring_setup(2)).
* A request ends (ECANCELED) with the thread that made it: one ring, one thread.
* IORING_SETUP_COOP_TASKRUN (5.19): completions wait for our next call instead of interrupting us.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
import time
from typing import Protocol

from crawler.engines._ring_refused import reason
from crawler.errors import EngineUnavailable

CONNECT, SEND, RECV = 0, 1, 2  # kinds, in the two lowest bits of a number
BUFFER = 16 * 1024  # bytes that one read can bring
_MOST_BUFFERS = 256  # 4 MB
_SETUP, _ENTER, _REGISTER = 425, 426, 427  # system calls; the same on all but alpha
_OP_CANCEL, _OP_CONNECT, _OP_SEND, _OP_RECV = 14, 16, 26, 27
_PROBE, _PBUF_RING = 8, 22  # to be registered
_CQSIZE, _CLAMP, _SUBMIT_ALL, _COOP = 1 << 3, 1 << 4, 1 << 7, 1 << 8  # flags of a set-up
_SINGLE_MMAP, _NODROP, _EXT_ARG = 1 << 0, 1 << 1, 1 << 8  # features
_GETEVENTS, _USE_EXT_ARG = 1 << 0, 1 << 3
_SELECT_BUFFER = 1 << 5  # of a request: take a buffer out of the stock
_HAS_BUFFER = 1 << 0  # of a completion
_SQES = 0x10000000  # where they are to be mapped
_DRAIN = 2.0  # seconds for the kernel to give everything back

# opcode, flags, ioprio, fd, off, addr, len, op's flags, user_data, buf_group
_SQE = struct.Struct("=BBHiQQIIQHHi16x")
_CQE = struct.Struct("=QiI")
_U32 = struct.Struct("=I")
_U16 = struct.Struct("=H")
_BUF = struct.Struct("=QIH")
_SQ_OFFSETS = struct.Struct("=10I")  # head tail mask entries flags dropped array ...
_TIME = struct.Struct("=qq")
_GETEVENTS_ARG = struct.Struct("=QIIQ")

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Owner(Protocol):
    """Who makes requests, and has to hear of their end."""

    def completed(self, kind: int, result: int, data: bytes) -> None:
        """A request has ended: with a count, or with a negative errno."""


class Ring:
    """One io_uring, and the stock of buffers it reads into.

    Args:
        entries: requests that one call can hand over.
        completions: that the kernel can put down between two calls; more are kept aside by it.
        buffers: in stock; a power of two.

    Raises:
        EngineUnavailable: the kernel refuses, and why.
    """

    def __init__(self, *, entries: int = 256, completions: int = 1024, buffers: int = 64) -> None:
        self._owners: dict[int, Owner] = {}
        self._data: dict[int, object] = {}  # what the kernel may still read
        self._last = 0
        self._buffers = buffers
        self._rings: mmap.mmap | None = None
        self._sqes: mmap.mmap | None = None
        self._memory: mmap.mmap | None = None
        params = ctypes.create_string_buffer(120)
        flags = _CQSIZE | _CLAMP | _SUBMIT_ALL | _COOP
        struct.pack_into("=IIIIIII", params, 0, 0, completions, flags, 0, 0, 0, 0)
        try:
            self._fd = _call(_SETUP, entries, ctypes.addressof(params))
        except OSError as error:
            raise EngineUnavailable(reason(error)) from error
        _HELD.add(self)
        try:
            self._map(params.raw)
            self._probe()
            self._stock_up()
        except OSError as error:
            self._release()
            raise EngineUnavailable(reason(error)) from error

    def _map(self, params: bytes) -> None:
        sq_entries, cq_entries, _, _, _, features = struct.unpack_from("=6I", params)
        if features & (needed := _SINGLE_MMAP | _NODROP | _EXT_ARG) != needed:
            raise OSError(errno.EINVAL, "too old")
        sq = _SQ_OFFSETS.unpack_from(params, 40)
        cq = _SQ_OFFSETS.unpack_from(params, 80)
        size = max(sq[6] + 4 * sq_entries, cq[5] + _CQE.size * cq_entries)
        self._rings = mmap.mmap(self._fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        self._sqes = mmap.mmap(
            self._fd, sq_entries * _SQE.size, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=_SQES
        )
        self._sq_head, self._sq_tail, self._sq_mask = sq[0], sq[1], sq_entries - 1
        self._cq_head, self._cq_tail, self._cq_mask = cq[0], cq[1], cq_entries - 1
        self._cqes = cq[5]
        self._tail = _U32.unpack_from(self._rings, self._sq_tail)[0]
        for place in range(sq_entries):
            _U32.pack_into(self._rings, sq[6] + 4 * place, place)
        self._argument = ctypes.create_string_buffer(_GETEVENTS_ARG.size + _TIME.size)
        self._argument_at = ctypes.addressof(self._argument)

    def _probe(self) -> None:
        probe = ctypes.create_string_buffer(16 + 8 * 64)
        _call(_REGISTER, self._fd, _PROBE, ctypes.addressof(probe), 64)
        for code in (_OP_CANCEL, _OP_CONNECT, _OP_SEND, _OP_RECV):
            if not probe.raw[16 + 8 * code + 2] & 1:
                raise OSError(errno.EINVAL, f"operation {code} is missing")

    def _stock_up(self) -> None:
        """Hand the buffers over: the ring of their addresses first, then they themselves."""
        start = -(-self._buffers * 16 // mmap.PAGESIZE) * mmap.PAGESIZE
        # Shared memory, so that a fork does not move the pages from under the kernel.
        self._memory = mmap.mmap(-1, start + self._buffers * BUFFER)
        first = ctypes.c_char.from_buffer(self._memory)
        at = ctypes.addressof(first)
        del first  # else the memory could not be given back
        request = struct.pack("=QIHH24x", at, self._buffers, 0, 0)
        place = ctypes.create_string_buffer(request, len(request))
        _call(_REGISTER, self._fd, _PBUF_RING, ctypes.addressof(place), 1)
        self._first, self._start, self._stocked = at + start, start, 0
        for number in range(self._buffers):
            self._put_back(number)
        _U16.pack_into(self._memory, 14, self._stocked & 0xFFFF)

    def _put_back(self, number: int) -> None:
        assert self._memory is not None
        place = (self._stocked & (self._buffers - 1)) * 16
        _BUF.pack_into(self._memory, place, self._first + number * BUFFER, BUFFER, number)
        self._stocked += 1

    # -- requests --------------------------------------------------------------------------------

    def connect(self, owner: Owner, fd: int, address: tuple[object, ...]) -> int:
        """Connect to what `socket.connect` would take, spelled out; gives the request's number."""
        data = _sockaddr(address)
        return self._submit(owner, CONNECT, _OP_CONNECT, fd, data, 0, off=len(data))

    def send(self, owner: Owner, fd: int, data: bytes, flags: int = 0) -> int:
        """Send bytes, or some of them."""
        flags |= socket.MSG_NOSIGNAL
        return self._submit(owner, SEND, _OP_SEND, fd, data, flags, length=len(data))

    def recv(self, owner: Owner, fd: int) -> int:
        """Read what comes, into a buffer of the stock."""
        self._last = last = self._last + 1
        number = last << 2 | RECV
        self._owners[number] = owner
        self._put(_OP_RECV, _SELECT_BUFFER, fd, 0, 0, 0, 0, number)
        return number

    def cancel(self, number: int) -> None:
        """Ask for the end of a request; its completion comes all the same."""
        self._put(_OP_CANCEL, 0, -1, 0, number, 0, 0, 0)

    def _submit(
        self,
        owner: Owner,
        kind: int,
        code: int,
        fd: int,
        data: bytes,
        flags: int,
        *,
        off: int = 0,
        length: int = 0,
    ) -> int:
        self._last = last = self._last + 1
        number = last << 2 | kind
        self._owners[number] = owner
        pointer = ctypes.c_char_p(data)
        self._data[number] = pointer  # keeps the bytes
        at = ctypes.c_void_p.from_buffer(pointer).value
        assert at is not None
        self._put(code, 0, fd, off, at, length, flags, number)
        return number

    def _put(
        self, code: int, how: int, fd: int, off: int, at: int, length: int, flags: int, number: int
    ) -> None:
        rings, sqes = self._rings, self._sqes
        assert rings is not None
        assert sqes is not None
        tail = self._tail
        while (tail - _U32.unpack_from(rings, self._sq_head)[0]) & 0xFFFFFFFF > self._sq_mask:
            self.enter(0, 0.0)
        place = (tail & self._sq_mask) * 64
        _SQE.pack_into(sqes, place, code, how, 0, fd, off, at, length, flags, number, 0, 0, 0)
        self._tail = (tail + 1) & 0xFFFFFFFF
        _U32.pack_into(rings, self._sq_tail, self._tail)

    # -- completions -----------------------------------------------------------------------------

    def enter(self, least: int, timeout: float | None) -> None:
        """Hand over all requests, and wait for that many completions or until the time is over."""
        assert self._rings is not None
        head = _U32.unpack_from(self._rings, self._sq_head)[0]
        waiting = (self._tail - head) & 0xFFFFFFFF
        at = 0
        if least and timeout is not None:
            at = self._argument_at + _GETEVENTS_ARG.size
            whole = int(timeout)
            nano = int((timeout - whole) * 1e9) + 1
            _TIME.pack_into(self._argument, _GETEVENTS_ARG.size, whole, min(nano, 999_999_999))
        _GETEVENTS_ARG.pack_into(self._argument, 0, 0, 0, 0, at)
        try:
            _call(
                _ENTER,
                self._fd,
                waiting,
                least,
                _GETEVENTS | _USE_EXT_ARG,
                self._argument_at,
                _GETEVENTS_ARG.size,
            )
        except OSError as error:
            # The time is over; a signal; or completions have to be taken first.
            if error.errno not in {errno.ETIME, errno.EINTR, errno.EAGAIN, errno.EBUSY}:
                raise

    def waiting(self) -> bool:
        """Whether completions lie there already."""
        rings = self._rings
        assert rings is not None
        head = rings[self._cq_head : self._cq_head + 4]
        return head != rings[self._cq_tail : self._cq_tail + 4]

    def take(self, most: int) -> None:
        """Tell the owners of what has ended."""
        rings, memory = self._rings, self._memory
        assert rings is not None
        assert memory is not None
        head = _U32.unpack_from(rings, self._cq_head)[0]
        tail = _U32.unpack_from(rings, self._cq_tail)[0]
        left = min((tail - head) & 0xFFFFFFFF, most)
        stocked = self._stocked
        try:
            while left:
                left -= 1
                at = self._cqes + (head & self._cq_mask) * 16
                number, result, flags = _CQE.unpack_from(rings, at)
                head = (head + 1) & 0xFFFFFFFF
                data = b""
                if flags & _HAS_BUFFER:
                    buffer = flags >> 16
                    if result > 0:
                        begin = self._start + buffer * BUFFER
                        data = memory[begin : begin + result]
                    self._put_back(buffer)
                owner = self._owners.pop(number, None)
                if owner is not None:  # else it was a cancel's own
                    self._data.pop(number, None)
                    owner.completed(number & 3, result, data)
        finally:
            _U32.pack_into(rings, self._cq_head, head)
            if stocked != self._stocked:
                _U16.pack_into(memory, 14, self._stocked & 0xFFFF)

    def close(self) -> None:
        """Take everything back from the kernel, then the memory and the descriptor.

        What does not come back keeps its memory: better lost than written to by the kernel later.
        """
        end = time.monotonic() + _DRAIN
        try:
            for number in tuple(self._owners):
                self.cancel(number)
            while self._owners and time.monotonic() < end:
                self.enter(1, 0.1)
                self.take(len(self._owners) * 2 + 64)
        finally:
            self._release()

    def _release(self) -> None:
        for mapping in (self._rings, self._sqes):
            if mapping is not None:
                mapping.close()
        if self._fd >= 0:
            os.close(self._fd)  # before the memory: it takes the stock back
            self._fd = -1
        if not self._owners:
            if self._memory is not None:
                self._memory.close()
            _HELD.discard(self)


# Rings not closed, or not wholly: their memory must not go while the kernel may write to it.
_HELD: set[Ring] = set()


def refusal() -> str:
    """Why the kernel gives no ring, and what would help; "" when it does."""
    try:
        Ring(entries=4, completions=8, buffers=1).close()
    except EngineUnavailable as error:
        return str(error)
    return ""


def _call(number: int, *arguments: int) -> int:
    """The system call. Raises OSError."""
    if _libc is None:
        raise OSError(errno.ENOSYS, "not Linux")
    result: int = _libc.syscall(_LONG(number), *map(_LONG, arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


_LONG = ctypes.c_long


def _sockaddr(address: tuple[object, ...]) -> bytes:
    """The struct sockaddr_in or sockaddr_in6 of (family, host, port)."""
    family, host, port = address[:3]
    assert isinstance(family, int)
    assert isinstance(port, int)
    if family == socket.AF_INET:
        packed = socket.inet_pton(family, str(host))
        return struct.pack("=H", family) + struct.pack(">H", port) + packed + bytes(8)
    name, _, zone = str(host).partition("%")
    scope = 0
    if zone:
        scope = int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    packed = socket.inet_pton(family, name)
    return struct.pack("=H", family) + struct.pack(">HI", port, 0) + packed + _U32.pack(scope)
