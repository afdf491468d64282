"""Files of words: written in full or not at all, never mapped beyond their end."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.database.shared_words import SharedWords, read_words


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "words"


@contextmanager
def room(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_new_file_has_the_first_words_and_zeros(path: Path) -> None:
    words = SharedWords(path, 4, first=(7, 2**64 - 1))
    assert words.values.tolist() == read_words(path, 4) == [7, 2**64 - 1, 0, 0]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_blocks * 512 >= path.stat().st_size


def test_processes_share_the_words_of_a_file(path: Path) -> None:
    one, other = SharedWords(path, 2), SharedWords(path, 2, first=(5,))
    one.values[1] = 9
    assert other.values.tolist() == read_words(path, 2) == [0, 9]


def test_is_written_in_full_or_not_at_all(path: Path) -> None:
    with room(4_096), pytest.raises(OSError):
        SharedWords(path, 1_000, first=(7,))
    assert path.stat().st_size == 0
    assert SharedWords(path, 1_000, first=(7,)).values[0] == 7


def test_a_held_lock_excludes_other_processes(path: Path) -> None:
    first = SharedWords(path, 2, keep_lock=True)
    for _ in range(2):
        with pytest.raises(BlockingIOError):
            SharedWords(path, 2, keep_lock=True)
    first.values[0] = 3
    del first
    assert SharedWords(path, 2, keep_lock=True).values[0] == 3


def test_a_truncated_file_is_noticed(path: Path) -> None:
    words = SharedWords(path, 4)
    words.check_size()
    os.truncate(path, 31)
    with pytest.raises(ValueError, match="truncated"):
        words.check_size()
    assert read_words(path, 4) == [0] * 4


def test_opens_no_more_files_than_it_closes(path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        SharedWords(path, 4, keep_lock=True)
        SharedWords(path, 4)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
