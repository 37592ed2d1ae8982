"""The demonstration: what a script can do, and what it sees of the machine."""

import os
import platform
from collections import Counter
from datetime import datetime, timezone

TEXT = """
a schedule says when, an agent says how, a script says what:
a script that runs when nobody looks is a script that needs a log
"""


def primes(limit):
    sieve = bytearray([1]) * limit
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(2, limit) if sieve[number]]


def main():
    now = datetime.now(timezone.utc)
    print(f"hello from {platform.python_implementation()} {platform.python_version()}, it is {now:%H:%M:%S} UTC")
    print(f"this is execution {os.environ['AUTOMA_EXECUTION_ID']}, attempt {os.environ['AUTOMA_ATTEMPT']}")
    words = Counter(TEXT.replace(",", "").replace(":", "").split())
    for word, count in words.most_common(3):
        print(f"  {word:<8} {'#' * count} {count}")
    found = primes(100_000)
    print(f"there are {len(found)} primes below 100000, the largest is {found[-1]}")
    with open("/scratch/primes.txt", "w") as file:
        file.write("\n".join(map(str, found)))
    print(f"wrote {os.path.getsize('/scratch/primes.txt')} bytes to /scratch, which goes when this run ends")
    try:
        open("/etc/passwd")
    except OSError as error:
        print(f"and /etc/passwd? {error.strerror}: there is nothing of the machine in here")
    return {"primes": len(found), "largest": found[-1], "most_common": words.most_common(1)[0][0]}
