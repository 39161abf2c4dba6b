"""The queue as a value, and its file."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from studio.project import templates
from studio.project.values import Project
from studio.runs import queue as queues
from studio.runs.queue import Queue, Queued, note_on

QUICKSTART = templates.build("quickstart")
NOW = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)


def with_rate(rate: float) -> Project:
    return replace(QUICKSTART, recipe=replace(QUICKSTART.recipe, learning_rate=rate))


def an_entry(id: str, rate: float = 0.05) -> Queued:
    return Queued(id, "digits", with_rate(rate), NOW)


def a_queue(ids: str) -> Queue:
    return Queue(tuple(an_entry(each) for each in ids))


def order(queue: Queue) -> str:
    return "".join(entry.id for entry in queue.entries)


def test_entries_keep_the_order_in_which_they_were_added() -> None:
    queue = Queue().add(an_entry("a")).add(an_entry("b")).add(an_entry("c"))
    assert order(queue) == "abc"
    assert order(queue.remove("ac")) == "b"
    assert order(queue) == "abc"


@pytest.mark.parametrize(
    ("ids", "step", "floor", "after"),
    [
        ("c", -1, 0, "acbd"),
        ("a", -1, 0, "abcd"),
        ("d", 1, 0, "abcd"),
        ("b", 1, 0, "acbd"),
        ("cd", -1, 0, "acdb"),
        ("ab", -1, 0, "abcd"),
        ("ac", -1, 0, "acbd"),
        ("bd", 1, 0, "acbd"),
        ("b", -1, 1, "abcd"),
        ("a", 1, 1, "abcd"),
        ("bc", -1, 1, "abcd"),
    ],
)
def test_moves_end_at_the_ends_and_below_what_keeps_its_place(
    ids: str, step: int, floor: int, after: str
) -> None:
    assert order(a_queue("abcd").move(ids, step, floor)) == after


def test_entries_are_arranged_and_those_not_named_follow() -> None:
    queue = a_queue("abcd")
    assert order(queue.arrange("cbad")) == "cbad"
    assert order(queue.arrange("d")) == "dabc"
    assert order(queue.arrange(["nobody", "c"])) == "cabd"


@given(st.sets(st.sampled_from("abcdef")), st.integers(0, 100))
def test_what_is_removed_comes_back_to_its_places(ids: set[str], seed: int) -> None:
    letters = list("abcdef")
    random.Random(seed).shuffle(letters)
    queue = a_queue("".join(letters))
    gone = [(at, entry) for at, entry in enumerate(queue.entries) if entry.id in ids]
    assert queue.remove(ids).put_back(gone) == queue
    assert queue.put_back(gone) == queue


def test_a_failed_entry_waits_no_longer() -> None:
    queue = a_queue("ab").change("a", trouble="The disk is full.")
    assert [entry.id for entry in queue.waiting] == ["b"]
    assert [entry.id for entry in queue.change("a", trouble="").waiting] == ["a", "b"]


def test_an_entry_is_called_by_what_sets_it_apart() -> None:
    assert note_on(with_rate(0.01), None) == ""
    assert note_on(with_rate(0.01), with_rate(0.1)) == "learning rate 0.01"
    assert note_on(with_rate(0.1), with_rate(0.1)) == "once more"
    assert replace(an_entry("a"), note="learning rate 0.01").name == "digits, learning rate 0.01"


def test_a_queue_is_written_and_read_as_it_was() -> None:
    queue = a_queue("ab").add(
        Queued("c", "é “x”", with_rate(0.3), NOW, "note", "/p/last", "/runs/c", "It failed.")
    )
    assert queues.loads(queues.dumps(queue)) == (queue, "")
    assert queues.loads(queues.dumps(Queue())) == (Queue(), "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"[]", '"format"'),
        (b'{"format": "training-studio-queue", "version": 9}', "version 9"),
        (b'{"format": "training-studio-queue", "version": 1, "entries": 3}', "no list"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_a_file_that_is_no_queue_is_told_in_words(content: bytes, words: str) -> None:
    queue, wrong = queues.loads(content)
    assert queue == Queue()
    assert words in wrong


def test_what_can_be_read_of_a_damaged_file_is_read() -> None:
    file = json.loads(queues.dumps(a_queue("abcd")))
    file["entries"][1]["project"]["version"] = 99
    file["entries"][3]["id"] = "a"
    queue, wrong = queues.loads(json.dumps(file).encode())
    assert order(queue) == "ac"
    assert wrong == "run 2 in it is damaged"


def test_no_flipped_byte_makes_reading_raise() -> None:
    content = queues.dumps(a_queue("abc"))
    chance = random.Random(7)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        queue, wrong = queues.loads(bytes(damaged[: chance.randrange(1, len(damaged) + 1)]))
        assert wrong or len(queue.entries) == 3
