"""Attempts at receivers that are slow, broken or hostile."""

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from app.setting_values import PrivateTargets, parse_targets
from app.webhooks.model import Outcome
from app.webhooks.sender import Sender
from tests.webhooks.conftest import LOCAL, Behaviour, Handler, Receiver, StartReceiver, answer

SECONDS = 20.0
HASTE = 1.0  # The limit of attempts that should time out.
PATIENCE = 8.0  # How much longer they may take on a busy machine.
NAME = "hooks.example"


@pytest.fixture
def sender() -> Sender:
    return Sender(LOCAL, seconds=SECONDS)


@pytest.fixture
def hasty() -> Sender:
    return Sender(LOCAL, seconds=HASTE)


def send(sender: Sender, url: str) -> Outcome:
    started = time.monotonic()
    outcome = sender.send(url, {"webhook-id": "dlv_1"}, b'{"a":1}')
    assert time.monotonic() - started < HASTE + PATIENCE
    return outcome


def test_posts_the_body_once(sender: Sender, receiver: Receiver) -> None:
    outcome = send(sender, receiver.url + "?a=b%20c")
    assert (outcome.status, outcome.error, outcome.answer) == (204, None, "")
    [received] = receiver.received
    assert received.body == b'{"a":1}' and received.path == "/hook?a=b%20c"
    headers = {name.lower(): value for name, value in received.headers.items()}
    assert headers["host"] == receiver.url.split("/")[2]
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "7" and headers["webhook-id"] == "dlv_1"
    assert headers["user-agent"].startswith("contacts-service/")


@pytest.mark.parametrize("status", [100 + 3, 301, 302, 303, 307, 308, 400, 410, 429, 500, 503])
def test_anything_but_2xx_is_a_failure(
    sender: Sender, start_receiver: StartReceiver, status: int
) -> None:
    elsewhere = start_receiver()
    receiver = start_receiver(answer(status, b"no" * 2_000, Location=elsewhere.url))
    outcome = send(sender, receiver.url)
    assert outcome.status == status and outcome.error and outcome.error.startswith("Answered")
    assert outcome.answer is not None and len(outcome.answer) <= 1_024
    assert elsewhere.received == []


def drip(handler: Handler, piece: bytes) -> None:
    while not handler.server.over.wait(0.05):
        handler.wfile.write(piece)


def silent(handler: Handler) -> None:
    handler.server.over.wait(30)


def drip_status(handler: Handler) -> None:
    drip(handler, b"H")


def drip_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    drip(handler, b"a: b\r\n")


def drip_interim(handler: Handler) -> None:
    drip(handler, b"HTTP/1.1 100 Continue\r\n\r\n")


def reset(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def garbage(handler: Handler) -> None:
    handler.wfile.write(b"\x15\x03\x01\x00\x02\x02P" * 100)
    handler.connection.shutdown(socket.SHUT_RDWR)


def many_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1_000 + b"\r\n")


@pytest.mark.parametrize("behave", [silent, drip_status, drip_headers, drip_interim])
def test_times_out_after_the_total_time(
    hasty: Sender, start_receiver: StartReceiver, behave: Behaviour
) -> None:
    outcome = send(hasty, start_receiver(behave).url)
    assert (outcome.status, outcome.error) == (None, "Timed out.")
    assert outcome.duration_ms >= HASTE * 900


@pytest.mark.parametrize("behave", [reset, hang_up, garbage, many_headers])
def test_survives_invalid_responses(
    sender: Sender, start_receiver: StartReceiver, behave: Behaviour
) -> None:
    outcome = send(sender, start_receiver(behave).url)
    assert outcome.status is None and outcome.error == "The connection ended too early."


def test_ends_a_response_that_never_ends(hasty: Sender, start_receiver: StartReceiver) -> None:
    def behave(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        drip(handler, b"x")

    outcome = send(hasty, start_receiver(behave).url)
    assert (outcome.status, outcome.error) == (200, None)
    assert outcome.answer and set(outcome.answer) == {"x"}


def test_reads_one_kilobyte_of_a_hundred_megabytes(
    sender: Sender, start_receiver: StartReceiver
) -> None:
    sent = []

    def behave(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        for _ in range(1_600):
            sent.append(handler.connection.send(b"x" * 65_536))

    outcome = send(sender, start_receiver(behave).url)
    assert (outcome.status, outcome.error, outcome.answer) == (200, None, "x" * 1_024)
    assert sum(sent) < 20_000_000


def test_does_not_decompress_a_response(sender: Sender, start_receiver: StartReceiver) -> None:
    packed = answer(200, b"\x1f\x8b\x08\x00" + b"\0" * 90, **{"Content-Encoding": "gzip"})
    outcome = send(sender, start_receiver(packed).url)
    assert outcome.error is None and outcome.answer and "\0" not in outcome.answer


def test_reports_a_closed_port(sender: Sender) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = send(sender, f"http://127.0.0.1:{free.getsockname()[1]}/")
    assert outcome.error == "Cannot connect."


def test_reports_an_unknown_host_name(sender: Sender) -> None:
    assert send(sender, "https://nothing.invalid/").error == "The host name is not known."


def test_rejects_private_targets(receiver: Receiver) -> None:
    outcome = Sender(PrivateTargets(), seconds=SECONDS).send(receiver.url, {}, b"{}")
    assert outcome.error and outcome.error.startswith("Not sent: ")
    assert receiver.received == []


def test_takes_no_proxy_from_the_environment(
    start_receiver: StartReceiver, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = start_receiver(answer(502))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    assert send(Sender(LOCAL, seconds=SECONDS), receiver.url).status == 204
    assert proxy.received == []


class Resolver:
    """Stands in for the network's resolver: a name has these addresses, look-up by look-up."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *rest: object, **more: object) -> object:
        if host == NAME and not more.get("flags"):
            return [(2, 1, 6, "", (each, port)) for each in self.answers.pop(0)]
        return self._real(host, port, *rest, **more)  # type: ignore[arg-type]


def test_looks_a_name_up_once_and_connects_there(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["127.0.0.1"], ["169.254.169.254"]))
    port = receiver.server_address[1]
    sender = Sender(parse_targets(NAME), seconds=SECONDS)
    assert send(sender, f"http://{NAME}:{port}/").status == 204
    assert receiver.received[0].headers["Host"] == f"{NAME}:{port}"


@pytest.mark.parametrize("second", [["169.254.169.254"], ["127.0.0.1", "10.0.0.1"]])
def test_checks_every_address_at_every_attempt(
    tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch, second: list[str]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["127.0.0.1"], second))
    sender = Sender(LOCAL, seconds=SECONDS)
    url = f"https://{NAME}:{tls_receiver.server_address[1]}/"
    assert send(sender, url).status == 204
    outcome = send(sender, url)
    assert outcome.error and outcome.error.startswith("Not sent: Its host has a private address")
    assert len(tls_receiver.received) == 1


def test_tries_the_next_address_of_a_name(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["127.0.0.9", "127.0.0.1"]))
    sender = Sender(parse_targets(NAME), seconds=SECONDS)
    assert send(sender, f"http://{NAME}:{receiver.server_address[1]}/").status == 204


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


def with_tls(receiver: Receiver, certificate: trustme.LeafCert) -> Receiver:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    return receiver


@pytest.fixture
def tls_receiver(authority: trustme.CA, start_receiver: StartReceiver) -> Iterator[Receiver]:
    yield with_tls(start_receiver(), authority.issue_cert(NAME))


def test_accepts_a_valid_certificate(
    tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["127.0.0.1"]))
    outcome = send(
        Sender(LOCAL, seconds=SECONDS), f"https://{NAME}:{tls_receiver.server_address[1]}/"
    )
    assert (outcome.status, outcome.error) == (204, None)


@pytest.mark.parametrize("fault", ["stranger", "other name", "address"])
def test_rejects_an_invalid_certificate(
    authority: trustme.CA,
    start_receiver: StartReceiver,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    certificates = {
        "stranger": lambda: trustme.CA().issue_cert(NAME),
        "other name": lambda: authority.issue_cert("other.example"),
        "address": lambda: authority.issue_cert("127.0.0.1"),
    }
    receiver = with_tls(start_receiver(), certificates[fault]())
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["127.0.0.1"]))
    outcome = send(Sender(LOCAL, seconds=SECONDS), f"https://{NAME}:{receiver.server_address[1]}/")
    assert outcome.error == "The certificate is not valid."
    assert receiver.received == []


def test_reports_a_port_without_tls(receiver: Receiver) -> None:
    outcome = send(Sender(LOCAL, seconds=SECONDS), receiver.url.replace("http:", "https:"))
    assert outcome.status is None and outcome.error
    assert receiver.received == []


def test_times_out_in_the_tls_handshake(hasty: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        outcome = send(hasty, f"https://127.0.0.1:{port}/")
    assert outcome.error == "Timed out."
