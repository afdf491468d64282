"""What a stand-in keeps beside its store: clock, faults, requests, inbox, states to go back to."""

from pathlib import Path
from typing import cast

from flask import Flask, current_app

from app.maintenance import replace
from app.standin.faults import Rules
from app.standin.files import Ring, held
from app.standin.movable_clock import MovableClock

REQUESTS, BYTES_OF_A_REQUEST = 1_000, 32_768
RECEIVED, BYTES_OF_A_DELIVERY = 200, 262_144
MOST_SNAPSHOTS = 100
WINDOW_SECONDS = 60.0
START = ".start"
_NAME = "standin"


class State:
    """All that is shared by the processes of one stand-in, in a folder of its own."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._folder = store.parent / "stand-in"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.clock = MovableClock(self._folder / "clock")
        self.faults = Rules(self._folder / "faults.json")
        self.requests = Ring(self._folder / "requests", REQUESTS, BYTES_OF_A_REQUEST)
        self.inbox = Ring(self._folder / "inbox", RECEIVED, BYTES_OF_A_DELIVERY)

    def reset(self) -> None:
        """Let all be as when the server started, with the real time and every key's whole limit."""
        self.restore(START)
        # Quotas go by the time that only passes: more of it than their window empties them.
        self.clock.put_back(WINDOW_SECONDS)
        self.faults.clear()
        self.requests.clear()
        self.inbox.clear()

    def snapshot(self, name: str) -> bool:
        """Keep the store under a name, in place of what has it; False where there are too many."""
        with held(self._folder / "snapshots.lock"):
            names = self.snapshots()
            if name != START and name not in names and len(names) >= MOST_SNAPSHOTS:
                return False
            replace.keep(self._store, self._file(name))
            return True

    def restore(self, name: str) -> bool:
        """Put the store back as it was; False where no state has the name."""
        with held(self._folder / "snapshots.lock"):
            if not self._file(name).exists():
                return False
            replace.put_back(self._file(name), self._store)
            return True

    def snapshots(self) -> list[str]:
        found = (path.stem for path in self._folder.glob("*.db"))
        return sorted(name for name in found if not name.startswith("."))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.db"


def state(app: Flask | None = None) -> State:
    return cast(State, (app or current_app).extensions[_NAME])


def attach(app: Flask, found: State) -> None:
    app.extensions[_NAME] = found
