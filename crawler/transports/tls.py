"""TLS as bytes in, bytes out: certificate checks and the record layer, no sockets.

    socket.recv ──ciphertext──► Pipe.receive ──► response bytes
    socket.send ◄──ciphertext── Pipe.send    ◄── request bytes

Blocking transports and non-blocking engines share it, so that a fault has one code everywhere.

Facts it fights:
* CPython sets SSL_OP_IGNORE_UNEXPECTED_EOF, with which a connection cut by anyone on the path looks
  like an orderly end (SSL_CTX_set_options(3)). It is cleared here: `clean` is True only after a
  close_notify (RFC 8446 6.1).
* Sessions of TLS 1.3 arrive after the handshake, with the first records (RFC 8446 4.6.1): `keep`
  is called when a response has been read, not before.
* A server name is sent for names only, never for addresses (RFC 6066 3).
"""

from __future__ import annotations

import ssl  # noqa: TID253 - this is the file that exists for it
from contextlib import suppress
from typing import TYPE_CHECKING

from crawler.errors import FetchError, ProtocolError, ResolveError, TLSError

if TYPE_CHECKING:
    from crawler.model import Network

_SESSIONS = 1000  # origins whose session is kept
_SILENT = 256 * 1024  # bytes of tickets and key updates without one byte of data; = Limits.head
_RECORD = 16 * 1024  # bytes of plaintext in one record at most (RFC 8446 5.1)

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_EXPIRED = {9, 10}  # not yet valid, has expired
_HOSTNAME = {62, 63, 64}  # host name, e-mail, IP address mismatch
_UNTRUSTED = {18, 19, 20, 21}  # self-signed, unknown issuer, first certificate unverifiable
_CHAIN = {"EXCESSIVE_MESSAGE_SIZE", "CERTIFICATE_VERIFY_FAILED"}
_NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "UNEXPECTED_MESSAGE",
    "HTTP_REQUEST",
}
_VERSION = {
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
    "VERSION_TOO_LOW",
}


def context(network: Network) -> ssl.SSLContext:
    """The settings of every connection of one engine; costs milliseconds, so build it once."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    made.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", ssl.Options(0))
    made.set_alpn_protocols(["http/1.1"])
    if not network.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif network.ca_file is not None:
        made.load_verify_locations(cafile=network.ca_file)
    else:
        import certifi

        made.load_verify_locations(cafile=certifi.where())
    return made


def error(exc: OSError, host: str, *, established: bool = False) -> FetchError:
    """What an error of the ssl module or of the socket below means.

    Args:
        exc: an ssl.SSLError, or the OSError of the socket.
        host: for the message.
        established: the handshake is over.
    """
    code = _code(exc, established=established)
    hint = "; this port does not speak TLS: is http:// meant?" if code == "tls.not_tls" else ""
    return TLSError(f"TLS with {host}: {_said(exc)}{hint}", code=code)


def _code(exc: OSError, *, established: bool) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return _verification(exc.verify_code)
    if isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "tls.truncated" if established else "tls.eof"
    if not isinstance(exc, ssl.SSLError):
        return "tls.reset"
    reason = exc.reason or ""
    if reason in _CHAIN:
        return "tls.verify.chain"
    if reason in _VERSION:
        return "tls.version"
    if "CERTIFICATE_REQUIRED" in reason:
        return "tls.client_cert"
    if "_ALERT_" in reason:
        return "tls.alert"
    if established:
        return "tls.bad_record"
    return "tls.not_tls" if reason in _NOT_TLS else "tls.alert"


def _verification(code: int) -> str:
    if code in _EXPIRED:
        return "tls.verify.expired"
    if code in _HOSTNAME:
        return "tls.verify.hostname"
    return "tls.verify.untrusted" if code in _UNTRUSTED else "tls.verify.chain"


def _said(exc: OSError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return exc.verify_message
    if isinstance(exc, ssl.SSLError) and exc.reason:
        return exc.reason.lower().replace("_", " ")
    return exc.strerror or str(exc) or type(exc).__name__


class Sessions:
    """Sessions to resume, per host and port, for one context: the oldest is forgotten first."""

    def __init__(self, most: int = _SESSIONS) -> None:
        self._most = most
        self._kept: dict[tuple[str, int], ssl.SSLSession] = {}

    def get(self, host: str, port: int) -> ssl.SSLSession | None:
        return self._kept.get((host, port))

    def put(self, host: str, port: int, session: ssl.SSLSession) -> None:
        self._kept.pop((host, port), None)
        self._kept[host, port] = session
        if len(self._kept) > self._most:
            # Two threads may see the same oldest key.
            self._kept.pop(next(iter(self._kept)), None)


class Pipe:
    """One TLS connection seen from the client, as bytes in and bytes out.

    `handshake` and `send` raise FetchError (TLSError) for what the peer did wrong; what `outgoing`
    gives then is the alert that tells the peer why. `receive` raises nothing, because sound data
    may come before the fault: look at `ended` and `fault` after it.

    Attributes:
        established: the handshake is over: `send` and `receive` may be used.
        ended: the peer will send nothing more.
        clean: it said so itself (close_notify); False after a bare FIN.
        fault: what is wrong with the bytes after those that `receive` gave, or None.
    """

    __slots__ = (
        "_host",
        "_incoming",
        "_object",
        "_outgoing",
        "_port",
        "_sessions",
        "_silent",
        "clean",
        "ended",
        "established",
        "fault",
    )

    def __init__(
        self, settings: ssl.SSLContext, host: str, port: int, sessions: Sessions | None = None
    ) -> None:
        self._host = host
        self._port = port
        self._sessions = sessions
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._silent = 0
        self.established = False
        self.ended = False
        self.clean = False
        self.fault: FetchError | None = None
        session = None if sessions is None else sessions.get(host, port)
        try:
            self._object = settings.wrap_bio(
                self._incoming, self._outgoing, server_hostname=host, session=session
            )
        except ValueError as exc:  # the idna codec: an empty label, one of more than 63 bytes
            raise ResolveError(f"host name is not valid: {host!r}", code="dns.bad_name") from exc

    def handshake(self, received: bytes | None = None) -> bytes:
        """Go on with the handshake; gives what to send now.

        Args:
            received: what came from the peer, ``b""`` when it closed; None to begin.
        """
        if received is not None:
            self._feed(received)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except OSError as exc:
            raise error(exc, self._host) from exc
        else:
            self.established = True
        return self._outgoing.read()

    def send(self, data: bytes) -> bytes:
        """`data` as it goes to the socket."""
        try:
            self._object.write(data)
        except OSError as exc:
            raise error(exc, self._host, established=True) from exc
        return self._outgoing.read()

    def receive(self, received: bytes) -> bytes:
        """What `received` meant; ``b""`` when that was less than a record, or the end (`ended`).

        Args:
            received: what came from the peer, ``b""`` when it closed.
        """
        self._feed(received)
        pieces: list[bytes] = []
        incoming, tls = self._incoming, self._object
        try:
            while incoming.pending or incoming.eof or tls.pending():
                piece = tls.read(_RECORD)
                if not piece:
                    self.ended = self.clean = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLEOFError:
            self.ended = True
        except OSError as exc:
            self.fault = error(exc, self._host, established=True)
        self._silent = 0 if pieces else self._silent + len(received)
        if self._silent > _SILENT:
            message = f"{self._host} sent {self._silent} bytes of TLS records without data"
            self.fault = ProtocolError(message, code="proto.headers_too_large")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def outgoing(self) -> bytes:
        """What has to be sent besides: alerts, answers to key updates; mostly nothing."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def close(self) -> bytes:
        """Our close_notify, to be sent if the socket takes it at once."""
        with suppress(OSError):  # the peer's own close_notify is not waited for
            self._object.unwrap()
        return self._outgoing.read()

    def keep(self) -> None:
        """Remember the session, so that the next connection to the host begins with it.

        Once for each connection: reading the session copies it, certificate and all (0.15 ms).
        """
        if self._sessions is None:
            return
        session = self._object.session
        if session is not None and session.has_ticket:
            self._sessions.put(self._host, self._port, session)
            self._sessions = None

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was taken up."""
        return bool(self._object.session_reused)

    @property
    def version(self) -> str:
        """``TLSv1.3``, ``TLSv1.2``, or nothing before the handshake."""
        return self._object.version() or ""

    def _feed(self, received: bytes) -> None:
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()
