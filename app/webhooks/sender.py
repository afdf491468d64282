"""Sends one delivery over HTTP, to a checked address and within a total time."""

import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from app.setting_values import PrivateTargets
from app.version import VERSION
from app.webhooks.model import MAX_ANSWER, Outcome
from app.webhooks.targets import Target, TargetRefused, check_url, resolve

SECONDS = 10.0
_AGENT = f"contacts-service/{VERSION}"
_TIMED_OUT = "Timed out."
_FAILURES = (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError, ValueError)

# Its warnings quote URLs, which may contain secrets.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Sender:
    """Sends to public addresses and `private` ones that are allowed; verifies certificates."""

    def __init__(self, private: PrivateTargets, *, seconds: float = SECONDS) -> None:
        self._private = private
        self._seconds = seconds
        # Trusts the system's certificates, or those in SSL_CERT_FILE.
        self._tls = ssl.create_default_context()

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Post a body and return the outcome. Never raises.

        Takes at most `seconds`, but for the DNS look-up, which only the system's resolver limits.
        """
        started = time.monotonic()
        deadline = started + self._seconds
        status, error, answer = None, None, None
        try:
            status, answer = self._exchange(url, headers, body, deadline)
            error = _verdict(status)
        except TargetRefused as refusal:
            error = f"Not sent: {refusal}"
        except _FAILURES as failure:
            error = _reason(failure, late=time.monotonic() >= deadline)
        duration = int((time.monotonic() - started) * 1000)
        return Outcome(status, error, answer, duration)

    def _exchange(
        self, url: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> tuple[int, str]:
        target = check_url(url, self._private)
        connection = self._connected(target, resolve(target, self._private), deadline)
        # A response that arrives byte by byte never exceeds the time-out of a single read.
        cutter = threading.Timer(_left(deadline), _cut, (connection.sock,))
        cutter.daemon = True
        cutter.start()
        try:
            connection.request(
                "POST",
                target.path,
                body=body,
                headers={
                    "Host": target.authority,
                    "User-Agent": _AGENT,
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                    **headers,
                },
                preload_content=False,
            )
            response = connection.getresponse()
            _left(deadline)  # A connection cut by the timer looks like the end of the headers.
            return response.status, _beginning(response)
        finally:
            cutter.cancel()
            connection.close()

    def _connected(self, target: Target, addresses: list[str], deadline: float) -> HTTPConnection:
        """Connect to the first address that accepts; TLS verifies the host name of the URL."""
        for index, address in enumerate(addresses, 1):
            # Each address gets an equal share of the time left.
            seconds = _left(deadline) / (len(addresses) - index + 1)
            connection = self._connection(target, address, seconds)
            try:
                connection.connect()
            except _FAILURES:
                connection.close()
                if index == len(addresses):
                    raise
            else:
                connection.sock.settimeout(_left(deadline))
                return connection
        raise OSError("no address")

    def _connection(self, target: Target, address: str, seconds: float) -> HTTPConnection:
        if target.scheme == "http":
            return HTTPConnection(address, target.port, timeout=seconds)
        return HTTPSConnection(
            address,
            target.port,
            timeout=seconds,
            ssl_context=self._tls,
            server_hostname=target.host,
        )


def _left(deadline: float) -> float:
    """Return the seconds until the deadline. Raises `TimeoutError` after it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _cut(connection: socket.socket) -> None:
    """Shut down the socket of another thread, below TLS, which is not thread-safe."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _beginning(response: urllib3.BaseHTTPResponse) -> str:
    """Return the beginning of a response body as text; errors only shorten it."""
    found = b""
    with suppress(*_FAILURES):
        while len(found) < MAX_ANSWER:
            piece = response.read1(MAX_ANSWER - len(found), decode_content=False)
            if not piece:
                break
            found += piece
    return found.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _verdict(status: int) -> str | None:
    """Return the error of a status, None for 2xx."""
    if 200 <= status <= 299:
        return None
    redirect = ": redirects are not followed" if 300 <= status <= 399 else ""
    return f"Answered {status}{redirect}."


def _reason(failure: Exception, *, late: bool) -> str:
    """Return an error text that quotes neither addresses nor responses."""
    cause: BaseException | None = failure
    while cause is not None and not isinstance(cause, ssl.SSLError | socket.gaierror):
        cause = cause.__cause__ or cause.__context__
    if late:
        return _TIMED_OUT
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "The certificate is not valid."
    if isinstance(cause, ssl.SSLError):
        return "TLS failed."
    if isinstance(cause, socket.gaierror):
        return "The host name is not known."
    if isinstance(failure, urllib3.exceptions.NewConnectionError):
        return "Cannot connect."
    if isinstance(failure, TimeoutError | urllib3.exceptions.TimeoutError):
        return _TIMED_OUT
    return "The connection ended too early."
