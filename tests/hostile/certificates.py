"""Certificates for the TLS rows, made when they are asked for, and the CA that clients trust."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

NAME = "origin.test"
_CHAIN = 2000  # times the same certificate: 1 MB, where OpenSSL takes 100 KB


class Certificates:
    """Server contexts by name; `ca_file` holds the trusted CA."""

    def __init__(self, folder: Path) -> None:
        ca = _authority()
        self.ca_file = folder / "ca.pem"
        ca.cert_pem.write_to_path(str(self.ca_file))
        yesterday = datetime.now(UTC) - timedelta(days=1)
        expired = ca.issue_cert(NAME, not_before=yesterday - timedelta(1), not_after=yesterday)
        good = ca.issue_cert(NAME, "127.0.0.1", key_type=trustme.KeyType.ECDSA)
        self.contexts = {
            "good": _context(good),
            "expired": _context(expired),
            "wrong name": _context(ca.issue_cert("elsewhere.test")),
            "untrusted": _context(_authority().issue_cert(NAME)),
            "chain": _with_chain(good, folder / "chain.pem", _CHAIN),
            "tickets": _context(good),
            "client": _context(good),
            "server name": _context(good),
        }
        self.contexts["tickets"].num_tickets = 200
        asking = self.contexts["client"]
        asking.verify_mode = ssl.CERT_REQUIRED
        asking.load_verify_locations(self.ca_file)
        # Without the name, or with another one, the handshake ends.
        self.contexts["server name"].sni_callback = _only_by_name


def context_for(names: Iterable[str], folder: Path) -> ssl.SSLContext:
    """A server's context for all of these names; the CA to trust is ``ca.pem`` in the folder."""
    ca = _authority()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    return _context(ca.issue_cert(*names, key_type=trustme.KeyType.ECDSA))


def _authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    certificate.configure_cert(context)
    return context


def _with_chain(certificate: trustme.LeafCert, file: Path, times: int) -> ssl.SSLContext:
    leaf = certificate.cert_chain_pems[0].bytes()
    file.write_bytes(certificate.private_key_pem.bytes() + leaf * (times + 1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _only_by_name(
    _sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _context: ssl.SSLContext
) -> int | None:
    return None if name == NAME else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
