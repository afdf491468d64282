"""How many connections each worker has, in memory that the workers of a server share."""

from app.database.shared_words import forked_words

MOST_WORKERS = 64  # Further ones share the last place.


class Shares:
    """Created before the workers are forked. A place has 0 where no worker accepts connections."""

    def __init__(self) -> None:
        self._words = forked_words(MOST_WORKERS)

    def free_place(self, taken: set[int]) -> int:
        return min(set(range(MOST_WORKERS)) - taken, default=MOST_WORKERS - 1)

    def show(self, place: int, connections: int) -> None:
        self._words[place] = connections + 1

    def clear(self, place: int) -> None:
        self._words[place] = 0

    def another_has_fewer(self, connections: int) -> bool:
        return any(0 < each <= connections for each in self._words)
