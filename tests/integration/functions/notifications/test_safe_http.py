"""The POST that must not reach what only we can reach: rebinding, redirects, drips, floods, TLS."""

import contextlib
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from functions.notifications.safe_http import Answer, NotDelivered, post, resolve

HEADERS = {"webhook-id": "m1"}


@pytest.fixture
def serve():
    """`serve(script)`: a listener on loopback; `script(connection, seen)` is what it does to each client."""
    with contextlib.ExitStack() as stack:

        def start(script):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            seen = []

            def run():
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        with connection, contextlib.suppress(OSError):
                            script(connection, seen)

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            stack.callback(thread.join, 5)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            return listener.getsockname()[1], seen

        yield start


def read_request(connection):
    """All of it: a socket that is closed with something unread resets, and takes the answer along."""
    data = b""
    while b"\r\n\r\n{}" not in data:
        data += connection.recv(65536)
    return data


def answering(text):
    def script(connection, seen):
        seen.append(read_request(connection))
        connection.sendall(text)

    return script


def send(url, **options):
    return post(url, b"{}", headers=HEADERS, **({"allow_loopback": True, "timeout": 3.0} | options))


def test_the_request_names_the_original_host(serve):
    port, seen = serve(answering(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert send(f"http://localhost:{port}/a?b=c") == Answer(204)
    assert seen[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert f"Host: localhost:{port}".encode() in seen[0]
    assert b"webhook-id: m1" in seen[0]


def test_the_name_is_resolved_once_and_the_checked_address_is_used(serve):
    port, seen = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    asked = []

    def rebinding(host, _port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    assert send(f"http://hooks.localhost:{port}/", resolver=rebinding).status == 200
    assert (asked, len(seen)) == (["hooks.localhost"], 1)


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a00:1"],
    ],
)
def test_one_forbidden_address_is_enough_to_refuse(addresses):
    with pytest.raises(NotDelivered, match="not allowed"):
        send("https://example.com/", allow_loopback=False, resolver=lambda *_: addresses)


@pytest.mark.parametrize("host", ["0x7f000001", "2130706433", "127.1", "127.0.0.1", "localhost", "[::1]"])
def test_loopback_in_disguise_is_refused(host):
    with pytest.raises(NotDelivered):
        send(f"https://{host}/", allow_loopback=False)


def test_numeric_names_would_resolve_to_loopback():
    assert resolve("127.1", 443) == ["127.0.0.1"]  # why the rule looks at addresses, not at names


def test_a_local_target_may_not_leave_loopback():
    with pytest.raises(NotDelivered, match="not allowed"):
        send("http://localhost:9/", resolver=lambda *_: ["93.184.216.34"])


def test_a_redirect_is_an_answer_and_is_not_followed(serve):
    port, seen = serve(
        answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    )
    assert send(f"http://127.0.0.1:{port}/").status == 302
    assert len(seen) == 1


def test_proxies_of_the_environment_are_ignored(serve, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    port, _ = serve(answering(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert send(f"http://127.0.0.1:{port}/").status == 204


def test_a_dripping_endpoint_is_cut_off(serve):
    def drip(connection, _):
        read_request(connection)
        for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 200:
            connection.sendall(bytes([letter]))
            time.sleep(0.05)

    port, _ = serve(drip)
    with pytest.raises(NotDelivered, match="timed out"):
        send(f"http://127.0.0.1:{port}/", timeout=0.5)


def test_a_silent_endpoint_is_cut_off(serve):
    def wait(connection, _):
        while connection.recv(65536):
            pass

    port, _ = serve(wait)
    with pytest.raises(NotDelivered, match="timed out"):
        send(f"http://127.0.0.1:{port}/", timeout=0.3)


def test_a_body_that_drips_is_not_waited_for(serve):
    """The status is the verdict: an endpoint cannot hold a thread with what nobody reads."""
    sent, whole = [], 200

    def drip(connection, _):
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
        for _ in range(whole):
            sent.append(connection.send(b"x"))
            time.sleep(0.05)

    port, _ = serve(drip)
    assert send(f"http://127.0.0.1:{port}/", timeout=60.0) == Answer(200)
    assert len(sent) < whole


@pytest.mark.parametrize("tls", [False, True])
def test_what_waited_in_vain_is_late(serve, tls):
    """Connected, and then nothing: in the handshake or after the request."""
    release = threading.Event()
    port, _ = serve(lambda *_: release.wait(10))
    with pytest.raises(NotDelivered) as caught:
        send(f"http{'s' if tls else ''}://127.0.0.1:{port}/", timeout=0.3)
    release.set()
    assert caught.value.late


def test_a_refused_connection_is_not_late():
    with pytest.raises(NotDelivered) as caught:
        send("http://127.0.0.1:1/")
    assert not caught.value.late


def test_a_resolver_that_hangs_is_cut_off():
    release = threading.Event()

    def hanging(*_):
        release.wait(5)
        return []

    with pytest.raises(NotDelivered, match="resolved in time") as caught:
        send("https://example.com/", timeout=0.2, resolver=hanging)
    release.set()
    assert caught.value.late


def test_a_flood_of_an_answer_is_read_in_part(serve):
    sent = []

    def flood(connection, _):
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(OSError):
            sent.extend(connection.send(b"x" * 65536) for _ in range(2000))

    port, _ = serve(flood)
    assert send(f"http://127.0.0.1:{port}/").status == 200
    assert sum(sent) < 65536 * 2000


@pytest.mark.parametrize("text", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_no_http_is_no_answer(serve, text):
    port, _ = serve(answering(text))
    with pytest.raises(NotDelivered):
        send(f"http://127.0.0.1:{port}/")


def test_a_name_that_does_not_resolve():
    with pytest.raises(NotDelivered, match="does not resolve"):
        send("https://example.com/", resolver=lambda *_: [])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of an authority of its own, valid for `localhost` only."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(serve, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def script(connection, _):
        with context.wrap_socket(connection, server_side=True) as secured:
            read_request(secured)
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    port, _ = serve(script)
    return port, names


def test_tls_asks_for_the_original_name(tls, certificate):
    port, names = tls
    trust = ssl.create_default_context(cafile=certificate)
    assert send(f"https://localhost:{port}/", trust=trust).status == 204
    assert names == ["localhost"]


def test_an_unknown_authority_is_refused(tls):
    with pytest.raises(NotDelivered, match="certificate"):
        send(f"https://localhost:{tls[0]}/")


def test_a_certificate_for_another_name_is_refused(tls, certificate):
    trust = ssl.create_default_context(cafile=certificate)
    with pytest.raises(NotDelivered, match="certificate"):
        send(f"https://127.0.0.1:{tls[0]}/", trust=trust)
    assert ip_address("127.0.0.1").is_loopback
