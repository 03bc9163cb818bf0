"""What fuzzing has found stays fixed, and a little of it runs every time."""

from __future__ import annotations

import random

import pytest
from fuzz.fuzz import KEPT, kept
from fuzz.mutations import MOST, mutated
from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS, url

SOME = 120  # mutations of each target


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_is_fixed(name: str) -> None:
    for data in (*SEEDS[name], *kept(name)):
        TARGETS[name](data)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", TARGETS)
def test_promises_hold_for_some_mutations(name: str) -> None:
    rng = random.Random(name)
    for _ in range(SOME):
        TARGETS[name](mutated(rng.choice(SEEDS[name]), rng.choice(SEEDS[name]), rng))


def test_every_kept_input_is_of_a_target() -> None:
    assert {path.name.rpartition("-")[0] for path in KEPT.glob("*-*")} <= set(TARGETS)


def test_mutations_are_bounded_and_come_again() -> None:
    first, second = (mutated(b"a" * 100, b"b", random.Random(5)) for _ in range(2))

    assert first == second
    assert len(mutated(b"a" * 3 * MOST, b"b", random.Random(1))) <= MOST


def test_a_target_notices_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.urls._checked", lambda href, shown: href)

    with pytest.raises(AssertionError):
        url(b"http://a.example/#fragment")
