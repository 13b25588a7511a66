"""The bell that wakes sleeping workers."""

import threading

from swf.store.doorbell import Doorbell

PATIENCE_S = 10.0


def test_a_ring_while_nobody_slept_is_not_missed() -> None:
    """Work that arrives while a worker is busy is noticed as soon as it wants to sleep."""
    bell = Doorbell()
    seen = bell.rings
    bell.ring()
    bell.wait(seen, None)
    assert bell.rings == seen + 1


def test_without_a_ring_the_sleep_ends_by_itself() -> None:
    """A missed bell costs time, never a message."""
    bell = Doorbell()
    bell.wait(bell.rings, 0.01)
    assert bell.rings == 0


def test_everybody_who_sleeps_is_woken() -> None:
    """One commit wakes the workers of all destinations."""
    bell = Doorbell()
    awake = threading.Semaphore(0)
    sleepers = [threading.Thread(target=lambda: (bell.wait(0, PATIENCE_S), awake.release())) for _ in range(3)]
    for sleeper in sleepers:
        sleeper.start()
    bell.ring()
    assert all(awake.acquire(timeout=PATIENCE_S / 2) for _ in sleepers)
    for sleeper in sleepers:
        sleeper.join(PATIENCE_S)
