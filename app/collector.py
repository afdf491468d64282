"""When Python's garbage collector runs, which finds little here."""

import gc

MADE_BEFORE_A_RUN = 10_000  # Objects; Python's own limit is 700 or 2,000, by its version.


def collect_rarely() -> None:
    """Let the collector run, but rarely, and not over what there is now: modules are no garbage.

    What requests and rows of files make is freed without it, as soon as nothing refers to it.
    """
    gc.freeze()
    gc.set_threshold(MADE_BEFORE_A_RUN)
    gc.enable()
