"""Prints its progress for a minute, or for the `seconds` of its input: something to watch, to follow and to cancel."""

import time


def main(seconds=60, interval=1):
    """Prints a line every `interval` seconds and returns how many there were."""
    begun = time.monotonic()
    lines = 0
    while (elapsed := time.monotonic() - begun) < seconds:
        print(f"{elapsed:5.1f} s of {seconds} s, {elapsed / seconds:4.0%}", flush=True)
        lines += 1
        time.sleep(min(interval, seconds - elapsed))
    print("done", flush=True)
    return {"lines": lines}
