"""Imports six modules of the standard library and touches each once: what a small script costs."""

import argparse
import csv
import decimal
import json
import re
import statistics

parser = argparse.ArgumentParser(prog="imports")
rows = list(csv.reader(["a,1", "b,2"]))
found = re.findall(r"\d", "a1b2")
total = decimal.Decimal("1.10") + 1
mean = statistics.mean([1, 2])
print(json.dumps({"rows": rows, "found": found, "total": str(total), "mean": mean, "prog": parser.prog}))
