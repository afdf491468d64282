"""Compares the start and the memory of two installed services, such as a wheel's and the binary.

    python deploy/release/compare.py .venv/bin/contacts dist/contacts-0.1.0-linux-x86_64

They start in turn, after a first start that does not count. Printed are medians and their ratio:
seconds to the first answer, processor time until it is stopped, and a worker's memory with its part
of what processes share (PSS, Linux).
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from smoke import Installed, call

REQUESTS = 50  # Before the memory is read.
UNITS = (("first answer", "s"), ("processor", "s"), ("worker", "MiB"))


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory_of_workers(parent: int) -> float:
    """Return the mean of the MiB of the children that serve."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    lines = [Path(f"/proc/{child}/smaps_rollup").read_text().splitlines() for child in children]
    sizes = [int(line.split()[1]) for each in lines for line in each if line.startswith("Pss:")]
    return statistics.mean(sizes) / 1024


def measure(its: Installed, data: Path) -> tuple[float, float, float]:
    """Start it, ask it, stop it; return what `UNITS` names."""
    before, started = processor_seconds(), time.perf_counter()
    with its.serving(data) as (url, process):
        urlopen(f"{url}/healthz", timeout=30).close()
        seconds = time.perf_counter() - started
        key = (data / "first-admin-key").read_text().strip()
        for number in range(REQUESTS):
            call(f"{url}/v1/contacts", key, {"phone": f"9188568{number:05d}"})
        memory = memory_of_workers(process.pid)
    return seconds, processor_seconds() - before, memory


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare two installed services.")
    parser.add_argument("programs", nargs=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        both = [Installed((str(Path(each).absolute()),), Path(name)) for each in options.programs]
        rows: list[list[tuple[float, float, float]]] = [[], []]
        for number in range(options.rounds + 1):
            for which, (its, found) in enumerate(zip(both, rows, strict=True)):
                row = measure(its, Path(name, f"{number}-{which}"))
                found.append(row)
                sys.stderr.write(f"round {number}: {row}\n")
        medians = [list(map(statistics.median, zip(*each[1:], strict=True))) for each in rows]
    for (what, unit), first, second in zip(UNITS, *medians, strict=True):
        ratio = second / first
        sys.stdout.write(f"{what:12} {first:6.2f} {unit:3} {second:6.2f} {unit:3} {ratio:5.2f}\n")


if __name__ == "__main__":
    main()
