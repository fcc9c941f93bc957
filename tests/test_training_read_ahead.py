"""Work in threads: in order, bounded, and with its errors where they belong."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from training.metrics.read_ahead import behind, in_threads, thread_count


def test_results_come_in_the_order_of_their_items_whichever_is_done_first() -> None:
    def slow_first(i: int) -> int:
        time.sleep(0.002 * (i % 3 == 0))
        return i * i

    assert [*in_threads(slow_first, range(50))] == [i * i for i in range(50)]


def test_no_more_is_read_than_a_few_for_each_thread() -> None:
    taken = []

    def items() -> Iterator[int]:
        for i in itertools.count():
            taken.append(i)
            yield i

    results = in_threads(lambda i: i, items(), ahead=2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(taken) <= 5 + 2 * thread_count() + 1
    results.close()


def test_an_error_is_raised_in_its_place_and_what_came_before_it_is_not_lost() -> None:
    def work(i: int) -> int:
        if i == 3:
            raise ValueError("the fourth")
        return i

    found = []
    with pytest.raises(ValueError, match="the fourth"):
        for result in in_threads(work, range(9)):
            found.append(result)
    assert found == [0, 1, 2]


def test_threads_have_no_threads_of_their_own_and_the_caller_keeps_its() -> None:
    before = torch.get_num_threads()
    assert set(in_threads(lambda i: torch.get_num_threads(), range(9))) == {1}
    assert torch.get_num_threads() == before


def test_what_is_handed_over_is_done_at_the_end_and_an_error_is_told() -> None:
    done: list[int] = []
    with behind(limit=4) as hand_over:
        for i in range(20):
            hand_over(lambda i=i: done.append(i))
    assert sorted(done) == list(range(20))
    with pytest.raises(OSError, match="no room"), behind() as hand_over:
        hand_over(fail)


def test_no_more_is_open_than_the_limit() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    with behind(limit=1) as hand_over:
        for _ in range(10):
            hand_over(work)
    assert most <= 2


def fail() -> None:
    raise OSError("no room")
