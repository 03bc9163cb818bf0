"""TLS faults have one code each: the TL rows of the catalogue, by real handshakes in memory."""

from __future__ import annotations

import contextlib
import datetime as dt
import ssl

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crawler.errors import FetchError, ResolveError
from crawler.model import Network
from crawler.transports import tls


class Peer:
    """The server's half, by the ssl module, over the same two buffers."""

    def __init__(self, settings: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = settings.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def step(self, received: bytes) -> bytes:
        self.incoming.write(received)
        with contextlib.suppress(ssl.SSLError):  # want read, or a fault: its alert is to be sent
            self.tls.do_handshake()
        return self.outgoing.read()

    def read(self, received: bytes) -> bytes:
        self.incoming.write(received)
        return self.tls.read(65536)

    def send(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self.outgoing.read()

    def say_goodbye(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self.outgoing.read()


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def network(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return Network(ca_file=path)


def server(authority, *names, version=None):
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(settings)
    if version is not None:
        settings.minimum_version = settings.maximum_version = version
    return settings


def connect(pipe, peer):
    data = pipe.handshake()
    while not pipe.established:
        data = pipe.handshake(peer.step(data))
    rest = peer.step(data)
    if rest:
        assert pipe.receive(rest) == b""
    return pipe


def fault(pipe, peer):
    with pytest.raises(FetchError) as caught:
        connect(pipe, peer)
    return caught.value


def pair(authority, network, *, version=None, host="example.org", sessions=None, settings=None):
    pipe = tls.Pipe(settings or tls.context(network), host, 443, sessions)
    return pipe, Peer(server(authority, host, version=version))


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_go_both_ways(authority, network, version):
    pipe, peer = pair(authority, network, version=version)
    connect(pipe, peer)

    request = peer.read(pipe.send(b"ping"))
    answer = pipe.receive(peer.send(b"x" * 50_000))

    assert (request, answer) == (b"ping", b"x" * 50_000)
    assert pipe.version == version.name.replace("_", ".")
    assert not pipe.ended


def test_the_protocol_offered_is_http_1_1(authority, network):
    pipe, peer = pair(authority, network)
    settings = server(authority, "example.org")
    settings.set_alpn_protocols(["h2", "http/1.1"])
    peer = Peer(settings)

    connect(pipe, peer)

    assert peer.tls.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize(("host", "told"), [("example.org", "example.org"), ("127.0.0.1", None)])
def test_the_server_name_is_sent_for_names_only(authority, network, host, told):
    seen = []
    settings = server(authority, host)
    settings.sni_callback = lambda _tls, name, _context: seen.append(name)
    pipe = tls.Pipe(tls.context(network), host, 443)

    connect(pipe, Peer(settings))

    assert seen == [told]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_close_notify_is_a_clean_end(authority, network, version):
    pipe, peer = pair(authority, network, version=version)
    connect(pipe, peer)

    data = pipe.receive(peer.send(b"all") + peer.say_goodbye())

    assert (data, pipe.ended, pipe.clean, pipe.fault) == (b"all", True, True, None)


@pytest.mark.parametrize("version", VERSIONS)
def test_tl09_a_fin_without_close_notify_is_not_a_clean_end(authority, network, version):
    pipe, peer = pair(authority, network, version=version)
    connect(pipe, peer)

    data = pipe.receive(peer.send(b"part"))
    rest = pipe.receive(b"")

    assert (data, rest) == (b"part", b"")
    assert (pipe.ended, pipe.clean, pipe.fault) == (True, False, None)


@pytest.mark.parametrize("version", VERSIONS)
def test_tl15_a_damaged_record_is_told_after_the_data_before_it(authority, network, version):
    pipe, peer = pair(authority, network, version=version)
    connect(pipe, peer)

    data = pipe.receive(peer.send(b"good") + b"\x17\x03\x03\x00\x20" + b"?" * 32)

    assert data == b"good"
    assert pipe.fault.code == "tls.bad_record"


@pytest.mark.parametrize(("tickets", "code"), [(50, ""), (2000, "proto.headers_too_large")])
def test_tl18_tickets_before_the_data_are_taken_up_to_a_limit(authority, network, tickets, code):
    settings = server(authority, "example.org")
    settings.num_tickets = tickets
    pipe, peer = tls.Pipe(tls.context(network), "example.org", 443), Peer(settings)
    flight = pipe.handshake(peer.step(pipe.handshake()))

    nothing = pipe.receive(peer.step(flight))
    data = b"" if code else pipe.receive(peer.send(b"data"))

    assert nothing == b""
    assert (pipe.fault.code if pipe.fault else "") == code
    assert data == (b"" if code else b"data")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_taken_up_for_the_same_host_and_port_only(authority, network, version):
    settings, sessions = tls.context(network), tls.Sessions()
    server_settings = server(authority, "example.org", version=version)
    first = connect(tls.Pipe(settings, "example.org", 443, sessions), Peer(server_settings))
    first.keep()

    again = connect(tls.Pipe(settings, "example.org", 443, sessions), Peer(server_settings))
    other = connect(tls.Pipe(settings, "example.org", 8443, sessions), Peer(server_settings))

    assert (first.resumed, again.resumed, other.resumed) == (False, True, False)


def test_sessions_are_forgotten_oldest_first(authority, network):
    settings, sessions = tls.context(network), tls.Sessions(most=1)
    pipe, peer = pair(authority, network, settings=settings, sessions=sessions)
    connect(pipe, peer).keep()
    (session,) = [sessions.get("example.org", 443)]

    sessions.put("example.net", 443, session)

    assert sessions.get("example.org", 443) is None
    assert sessions.get("example.net", 443) is session


def test_a_connection_gives_its_session_once_for_reading_it_is_dear(authority, network):
    settings, sessions = tls.context(network), tls.Sessions()
    pipe, peer = pair(authority, network, settings=settings, sessions=sessions)
    connect(pipe, peer).keep()
    taken = sessions.get("example.org", 443)

    pipe.keep()

    assert taken is not None
    assert sessions.get("example.org", 443) is taken


def test_without_verification_any_certificate_will_do(authority):
    pipe = tls.Pipe(tls.context(Network(verify=False)), "other.example", 443)

    connect(pipe, Peer(server(authority, "example.org")))

    assert pipe.established


def expired(authority):
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    day = dt.timedelta(days=1)
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.org")])
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * day)
        .not_valid_after(now - day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("example.org")]), critical=False)
        .add_extension(authority_key, critical=False)
        .sign(issuer_key, hashes.SHA256())
    ), key


def test_tl01_an_expired_certificate(authority, network, tmp_path):
    certificate, key = expired(authority)
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path / "expired.pem"
    path.write_bytes(key.private_bytes(pem, form, plain) + certificate.public_bytes(pem))
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(path)

    error = fault(tls.Pipe(tls.context(network), "example.org", 443), Peer(settings))

    assert (error.code, error.retry) == ("tls.verify.expired", "no")


@pytest.mark.parametrize("host", ["other.example", "127.0.0.2"])
def test_tl02_a_certificate_for_another_name(authority, network, host):
    pipe = tls.Pipe(tls.context(network), host, 443)

    error = fault(pipe, Peer(server(authority, "example.org", "127.0.0.1")))

    assert (error.code, error.retry) == ("tls.verify.hostname", "no")


@pytest.mark.parametrize("trusted", ["certifi", "another"])
def test_tl03_an_unknown_issuer(authority, tmp_path, trusted):
    path = tmp_path / "another.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    network = Network(ca_file=path) if trusted == "another" else Network()

    error = fault(*pair(authority, network))

    assert (error.code, error.retry) == ("tls.verify.untrusted", "no")


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.7\r\n", b"\x00" * 64]
)
def test_tl06_a_peer_that_does_not_speak_tls(network, answer):
    pipe = tls.Pipe(tls.context(network), "example.org", 443)
    pipe.handshake()

    with pytest.raises(FetchError) as caught:
        pipe.handshake(answer)

    assert (caught.value.code, caught.value.retry) == ("tls.not_tls", "no")
    assert "does not speak TLS: is http:// meant?" in str(caught.value)


def test_tl07_a_reset_in_the_handshake():
    error = tls.error(ConnectionResetError(104, "Connection reset by peer"), "example.org")

    assert (error.code, error.retry) == ("tls.reset", "backoff")


def test_tl08_a_fin_in_the_handshake(network):
    pipe = tls.Pipe(tls.context(network), "example.org", 443)
    pipe.handshake()

    with pytest.raises(FetchError) as caught:
        pipe.handshake(b"")

    assert (caught.value.code, caught.value.retry) == ("tls.eof", "backoff")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tl12_a_server_of_tls_1_1_only(authority, network):
    settings = server(authority, "example.org", version=ssl.TLSVersion.TLSv1_1)
    settings.set_ciphers("DEFAULT@SECLEVEL=0")

    error = fault(tls.Pipe(tls.context(network), "example.org", 443), Peer(settings))

    assert (error.code, error.retry) == ("tls.version", "no")


def test_tl13_a_fatal_alert(network):
    pipe = tls.Pipe(tls.context(network), "example.org", 443)
    pipe.handshake()

    with pytest.raises(FetchError) as caught:
        pipe.handshake(b"\x15\x03\x03\x00\x02\x02\x28")  # alert, fatal, handshake_failure

    assert (caught.value.code, caught.value.retry) == ("tls.alert", "no")


def test_tl19_a_certificate_chain_of_hundreds(authority, network, tmp_path):
    leaf = authority.issue_cert("example.org")
    path = tmp_path / "chain.pem"
    many = authority.cert_pem.bytes() * 300
    path.write_bytes(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes() + many)
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(path)

    error = fault(tls.Pipe(tls.context(network), "example.org", 443), Peer(settings))

    assert (error.code, error.retry) == ("tls.verify.chain", "no")


def test_tl20_a_server_that_wants_a_client_certificate(authority, network):
    settings = server(authority, "example.org")
    settings.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(settings)
    pipe, peer = tls.Pipe(tls.context(network), "example.org", 443), Peer(settings)
    flight = pipe.handshake(peer.step(pipe.handshake()))

    pipe.receive(peer.step(flight))

    assert pipe.established
    assert pipe.fault.code == "tls.client_cert"


def test_a_host_that_no_certificate_could_name_is_a_bad_name(network):
    with pytest.raises(ResolveError) as caught:
        tls.Pipe(tls.context(network), "a" * 64 + ".example", 443)

    assert caught.value.code == "dns.bad_name"
