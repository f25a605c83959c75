"""Counts keep their places on the way through shared memory, and add up."""

import os

from ntp_daemon.serving.counters import PAGE_WORDS, CounterPage, ServingCounters
from ntp_daemon.serving.shared_memory import SharedRegion
from ntp_proto.server import AnswerKind, DropReason, Tally


def numbered(start: int) -> ServingCounters:
    numbers = iter(range(start, start + 1000))
    tally = Tally(
        answered=[next(numbers) for _ in AnswerKind],
        dropped=[next(numbers) for _ in DropReason],
        kissed=[next(numbers) for _ in DropReason],
        bytes_in=next(numbers),
        bytes_out=next(numbers),
        send_errors=next(numbers),
        processing=next(numbers),
    )
    return ServingCounters(tally=tally, slow=next(numbers), events_lost=next(numbers), hook_errors=next(numbers), clients=next(numbers))


def test_every_number_arrives_in_its_place() -> None:
    region = SharedRegion.create("counters", PAGE_WORDS, writable_by_others=True)
    other = SharedRegion.attach(os.dup(region.fd), writable=True)
    CounterPage(other.words).store(numbered(1))
    assert CounterPage(region.words).load() == numbered(1)
    fast = CounterPage(other.words).fast_words
    for place in range(len(fast)):
        fast[place] = 100 + place
    twice = CounterPage(region.words).load().tally
    rows = [*twice.answered, *twice.dropped, *twice.kissed, twice.bytes_in, twice.bytes_out, twice.send_errors, twice.processing]
    assert rows == [100 + place + 1 + place for place in range(len(fast))], "both parts have the same order"
    fast.release()
    other.close()
    region.close()


def test_a_new_page_is_zero_and_a_page_of_its_own_works_too() -> None:
    page = CounterPage()
    assert page.load() == ServingCounters()
    page.store(numbered(5))
    assert page.load() == numbered(5)


def test_turns_are_counted_beside_the_rest() -> None:
    page = CounterPage()
    page.store(numbered(5))
    for _ in range(3):
        page.take_turn()
    page.store(numbered(6))
    assert page.turns == 3
    assert page.load() == numbered(6)


def test_a_worker_that_lies_cannot_make_a_sum_that_no_document_holds() -> None:
    region = SharedRegion.create("counters", PAGE_WORDS, writable_by_others=True)
    for place in range(PAGE_WORDS):
        region.words[place] = (1 << 64) - 1
    total = CounterPage(region.words).load() + CounterPage(region.words).load()
    assert total.totals.received < 1 << 63
    region.close()


def test_they_add_up() -> None:
    one = ServingCounters(kernel_drops=1, worker_restarts=2)
    total = numbered(1) + numbered(100) + one
    assert total.tally.dropped == [a + b for a, b in zip(numbered(1).tally.dropped, numbered(100).tally.dropped, strict=True)]
    assert total.totals.received == sum(total.tally.answered) + sum(total.tally.dropped)
    assert (total.kernel_drops, total.worker_restarts, total.slow) == (1, 2, numbered(1).slow + numbered(100).slow)
    assert numbered(1) == numbered(1), "adding changes neither of the two"
