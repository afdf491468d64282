"""Where the processor time of a create and of a list of 20 contacts goes, step by step.

Runs requests in one thread without HTTP, on a store in a temporary folder, and measures each step
on its own: the best of many rounds, since other programs disturb them. Then runs requests in
eight threads, as many at a time as a worker's thread pool allows.
"""

import io
import itertools
import json
import tempfile
import threading
import time
from pathlib import Path

from app import clock, create_app, logs, settings
from app.contacts import store as contacts
from app.contacts import writer
from app.contacts.schemas import contact_schema
from app.search.store import list_contacts
from app.thread_pool import ThreadPool
from app.web.observation import RequestRecord, log_request
from app.web.service import service_of
from app.web.strict_json import parse_object
from bench.hello import app as hello
from bench.load import fill

CONTACTS = 10_000
ROUNDS = 15
_numbers = itertools.count(CONTACTS + 1_000)


def body(number=None):
    return json.dumps(
        {
            "phone": f"9188{next(_numbers) if number is None else number:08d}",
            "first_name": "Priya",
            "last_name": "Sharma",
            "email": "priya@example.com",
            "tags": ["Lead", "High-Priority"],
            "custom_fields": {"shopify_id": "cust_29813a", "acquisition_source": "AdWords"},
        }
    ).encode()


def call(app, method, path, key="", data=b""):
    """Send one request to a WSGI application; fails unless it succeeds."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(data),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "CONTENT_LENGTH": str(len(data)),
        "CONTENT_TYPE": "application/json",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
    }
    statuses = []
    response = app(environ, lambda status, headers, error=None: statuses.append(status))
    b"".join(response)
    getattr(response, "close", lambda: None)()
    if not statuses[0].startswith("2"):
        raise SystemExit(f"{method} {path}: {statuses[0]}")


def cost(step, times=100, contacts_each=1):
    """Return the processor time of one step in µs, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.thread_time()
        for _ in range(times):
            step()
        best = min(best, (time.thread_time() - start) / times)
    return best * 1e6 / contacts_each


def write_group(db, size):
    schema = contact_schema("possible")
    groups = iter(
        [
            [writer.upsert_edit(schema.draft(parse_object(body()))) for _ in range(size)]
            for _ in range(ROUNDS * 4)
        ]
    )

    def step():
        with db.transaction() as tx:
            writer.write_edits(tx, next(groups))

    return cost(step, 4, size)


def pooled_cost(run, slots, requests=800, clients=8):
    """Return the processor time of a request that eight clients send in turn, in µs."""
    return min(_pooled_cost(run, slots, requests, clients) for _ in range(5)) * 1e6


def _pooled_cost(run, slots, requests, clients):
    ended, done = itertools.count(1), threading.Event()

    def task(request):
        run()
        number = next(ended)
        if number <= requests - clients:
            pool.submit(request)
        elif number == requests:
            done.set()

    pool = ThreadPool(task, threads=8, slots=slots)
    start = time.process_time()
    for _ in range(clients):
        pool.submit("request")
    done.wait()
    pool.shutdown()
    return (time.process_time() - start) / requests


def show(title, steps):
    print(f"\n{title}")
    for name, microseconds in steps.items():
        print(f"{microseconds:8.0f} µs  {name}")


def main():
    with tempfile.TemporaryDirectory() as folder, Path("/dev/null").open("w") as null:
        data = Path(folder) / "data"
        key, _ = fill(data, CONTACTS)
        logs.configure("info", "json", file=null.fileno())
        app = create_app(settings.load({}, data=data), prepared=True)
        show_steps(app, service_of(app).db, key)


def show_steps(app, db, key):
    def create():
        call(app, "POST", "/v1/contacts", key, body())

    def unchanged():
        call(app, "POST", "/v1/contacts", key, same)

    def list_page():
        call(app, "GET", "/v1/contacts", key)

    same, schema, now = body(1), contact_schema("possible"), clock.timestamp()
    record = RequestRecord("0" * 32, 200, "GET", "/v1/contacts", "bench", 1_000_000, 4_000)
    draft = schema.draft(parse_object(same))
    page = {"tag": None, "limit": 20, "offset": 0, "include": frozenset()}
    show(
        "Requests, one thread",
        {
            "hello, GET": cost(lambda: call(hello, "GET", "/")),
            "hello, POST": cost(lambda: call(hello, "POST", "/", data=same)),
            "GET of 20": cost(list_page),
            "a POST that changes nothing": cost(unchanged),
            "create, alone in its commit": cost(create, 20),
        },
    )
    show(
        "Steps of a GET of 20, beside what hello does",
        {
            "the page, with the total": cost(lambda: list_contacts(db.connection(), **page)),
            "counters and the log line": cost(lambda: log_request(db, record)),
        },
    )
    show(
        "Steps of a create, beside what hello does",
        {
            "body: JSON": cost(lambda: parse_object(same)),
            "body: check, with a new phone": cost(lambda: schema.draft(parse_object(body())), 100)
            - cost(lambda: parse_object(body())),
            "look-up of the phone": cost(lambda: contacts.find_stored(db.connection(), "910")),
            "plan": cost(lambda: writer.upsert_edit(draft).plan(None, now)),
            **{
                f"transaction, one of {size} contacts": write_group(db, size)
                for size in (1, 4, 8, 16)
            },
            "counters and the log line": cost(lambda: log_request(db, record)),
        },
    )
    for slots in (1, 8):
        show(
            f"Requests of eight clients, {slots} of 8 threads at a time",
            {
                "hello, POST": pooled_cost(lambda: call(hello, "POST", "/", data=same), slots),
                "GET of 20": pooled_cost(list_page, slots),
                "a POST that changes nothing": pooled_cost(unchanged, slots),
                "create": pooled_cost(create, slots, 400),
            },
        )


if __name__ == "__main__":
    main()
