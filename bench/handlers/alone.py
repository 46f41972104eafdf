"""Prints how many microseconds summary() takes by itself: alone.py ORDER_FILE."""

import sys
from time import perf_counter

from summary import summary

with open(sys.argv[1], "rb") as file:
    text = file.read()
best = float("inf")
for _ in range(5):
    begun = perf_counter()
    for _ in range(3000):
        summary(text, "web1", "v000001")
    best = min(best, (perf_counter() - begun) / 3000 * 1e6)
print(best)
