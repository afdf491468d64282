"""Rows a second of an import and an export, and contacts a second of batches beside single posts.

The import is measured beside `executemany` of the same finished rows into the same tables with
their indexes and triggers, in one transaction: nothing is checked there, nothing made. Rounds of
each follow each other, so that the ratios hold while the machine's speed drifts.
"""

import argparse
import http.client
import io
import json
import random
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from app.collector import collect_rarely
from app.database.sqlite.migrate import migrate
from app.database.sqlite.store import Database
from app.search.paging import Search
from app.transfer.exporter import export
from app.transfer.intake import Intake
from app.transfer.options import Options
from app.transfer.readers import Source
from bench.load import fill, progress, server

LETTERS = "aeioubcdfghklmnprstvyz"
HEADER = "phone,first_name,last_name,email,tags,custom_fields.plan,custom_fields.score"
TABLES = ("contacts", "tags", "custom_fields", "contact_words", "contact_tags")
TABLES += ("custom_field_values", "changes")


def name(source):
    return "".join(source.choices(LETTERS, k=source.randrange(3, 9))).capitalize()


def file_of(count):
    source = random.Random(1)
    names = [name(source) for _ in range(5_000)]
    lines = [HEADER]
    for number in range(count):
        first, last = source.choices(names, k=2)
        lines.append(
            f"9188{number:08d},{first},{last},{first}.{last}{number % 97}@example.com,"
            f"Lead;tag{number % 50},{source.choice(('free', 'pro'))},{source.random():.4f}"
        )
    return "\n".join(lines).encode()


def import_rows(path, file):
    """Return the rows a second of an import into a new store, and a second of processor time."""
    migrate(path)
    with closing(Database(path)) as db:
        started, processor = time.perf_counter(), time.process_time()
        with (
            Intake(Source(io.BytesIO(file)), Options(), "possible") as intake,
            closing(intake.importer(db, dry_run=False)) as importer,
        ):
            intake.run(db, importer)
        assert importer.report.rejected == 0
        seconds, used = time.perf_counter() - started, time.process_time() - processor
        return importer.report.created / seconds, importer.report.created / used


def rows_of(path):
    """Return statements and rows that make a store as it is, counters aside."""
    with closing(Database(path)) as db:
        read = db.connection().execute
        for table in TABLES:
            columns = [each[1] for each in read(f"PRAGMA table_info({table})")]
            counted = {"tags": ["contacts"], "custom_fields": ["strings", "numbers", "booleans"]}
            columns = [each for each in columns if each not in counted.get(table, ())]
            names = ", ".join(columns)
            marks = ", ".join("?" * len(columns))
            order = "contact_id" if "contact_id" in columns else "rowid"
            rows = read(f"SELECT {names} FROM {table} ORDER BY {order}")
            yield f"INSERT INTO {table} ({names}) VALUES ({marks})", rows


def raw_rows(path, statements, count):
    """Return the contacts a second of `executemany` into a new store, as `import_rows` does."""
    migrate(path)
    with closing(Database(path)) as db:
        started, processor = time.perf_counter(), time.process_time()
        with db.transaction() as tx:
            for sql, rows in statements:
                tx._driver.executemany(sql, rows)
        seconds, used = time.perf_counter() - started, time.process_time() - processor
        return count / seconds, count / used


def export_rows(path, format, count):
    with closing(Database(path)) as db:
        started = time.perf_counter()
        assert sum(rows for _, rows in export(db, Search(), format)) == count
        return count / (time.perf_counter() - started)


def measure_files(options, results):
    file = file_of(options.rows)
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "first.db")
        import_rows(first, file)
        statements = list(rows_of(first))
        for number in range(options.rounds):
            progress(f"round {number + 1}: import, executemany, export")
            imported, by_import = import_rows(Path(folder, f"import-{number}.db"), file)
            raw, by_raw = raw_rows(Path(folder, f"raw-{number}.db"), statements, options.rows)
            results.setdefault("executemany", []).append(raw)
            results.setdefault("import", []).append(imported)
            results.setdefault("import, of executemany", []).append(imported / raw)
            results.setdefault("processor time, of executemany", []).append(by_import / by_raw)
            for format in ("csv", "jsonl"):
                rate = export_rows(first, format, options.rows)
                results.setdefault(f"export, {format}", []).append(rate)


def posted(connection, key, path, contacts):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(contacts), headers)
    response = connection.getresponse()
    assert response.status in (200, 201), response.read()
    response.read()


def measure_batches(options, results):
    """One client, one request after the other, all of new contacts."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        key, _ = fill(data, 1_000)
        with (
            server("wsgi:app", {}, data) as (url, _),
            closing(http.client.HTTPConnection(url.removeprefix("http://"))) as connection,
        ):
            number = 0
            for round_number in range(options.rounds):
                progress(f"round {round_number + 1}: single posts and batches")
                rates = {}
                for size in (1, 100, 1_000):
                    count = max(200 if size == 1 else 2_000, size)
                    source = [contact(number + each) for each in range(count)]
                    number += count
                    started = time.perf_counter()
                    for start in range(0, count, size):
                        if size == 1:
                            posted(connection, key, "/v1/contacts", source[start])
                        else:
                            body = {"contacts": source[start : start + size]}
                            posted(connection, key, "/v1/contacts/batch", body)
                    rates[size] = count / (time.perf_counter() - started)
                for size, rate in rates.items():
                    label = "single posts" if size == 1 else f"batches of {size:,}"
                    results.setdefault(label, []).append(rate)
                    if size > 1:
                        results.setdefault(f"{label}, of single posts", []).append(rate / rates[1])


def contact(number):
    return {
        "phone": f"4915{number:09d}",
        "first_name": "Priya",
        "email": f"priya{number}@example.com",
        "tags": ["Lead", f"tag{number % 50}"],
        "custom_fields": {"plan": "pro", "score": number},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    results = {}
    collect_rarely()  # As the command `contacts import` and servers do.
    measure_files(options, results)
    measure_batches(options, results)
    progress("")
    print(f"{options.rows:,} rows, medians of {options.rounds} rounds")
    for label, figures in results.items():
        figure = statistics.median(figures)
        shown = f"{figure:10.2f}" if ", of " in label else f"{figure:8,.0f}/s"
        print(f"{label:36} {shown}")


if __name__ == "__main__":
    main()
