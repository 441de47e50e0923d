"""Steps with their times, and waits for a condition."""

import time
from contextlib import contextmanager


class Failed(Exception):
    """A failed check."""


class Steps:
    """Prints each step with its duration."""

    def __init__(self):
        self.done = []
        self.started = time.monotonic()

    @contextmanager
    def step(self, name: str):
        """Runs one step."""
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        yield
        self.done.append((name, time.monotonic() - began))
        print(f"   {self.done[-1][1]:.1f} s", flush=True)

    def summary(self) -> float:
        """Prints all times; the total in seconds."""
        total = time.monotonic() - self.started
        print("\n== times")
        for name, seconds in self.done:
            print(f"{seconds:8.1f} s  {name}")
        print(f"{total:8.1f} s  in all", flush=True)
        return total


def check(condition, message: str):
    """Fails with the message unless the condition holds."""
    if not condition:
        raise Failed(message)


def say(message: str):
    """Prints a passed check."""
    print(f"   {message}", flush=True)


def wait_for(what: str, seconds: float, probe, every: float = 0.25):
    """Calls a function until it returns a true value; fails after the given number of seconds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := probe():
            return found
        time.sleep(every)
    raise Failed(f"{what}: not within {seconds:.0f} s")
