"""Computes a report on sales out of CSV text.

The input has `rows`, CSV text with the columns region, product and amount; without it, a small example is taken. The
configuration may have `currency`. Prints the report as CSV and returns it as the result.
"""

import csv
import io
import json
import statistics
import sys

import automa

EXAMPLE = """region,product,amount
north,apples,120.50
north,pears,80.00
south,apples,200.25
south,pears,40.75
south,plums,not a number
west,apples,99.99
"""


def read(rows):
    """Gives the amounts by region; what cannot be read is named on stderr and left out."""
    amounts = {}
    for number, row in enumerate(csv.DictReader(io.StringIO(rows)), start=2):
        try:
            amounts.setdefault(row["region"], []).append(float(row["amount"]))
        except (KeyError, TypeError, ValueError) as error:
            print(f"line {number} is left out: {error}", file=sys.stderr)
    return amounts


def summary(amounts):
    """Sums up one region."""
    return {
        "count": len(amounts),
        "total": round(sum(amounts), 2),
        "mean": round(statistics.mean(amounts), 2),
        "median": round(statistics.median(amounts), 2),
    }


def main(rows=EXAMPLE):
    """Makes the report: called by Automa with the input, and what it returns is the result."""
    regions = {region: summary(amounts) for region, amounts in sorted(read(rows).items())}
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["region", "count", "total", "mean", "median"])
    for region, found in regions.items():
        out.writerow([region, *found.values()])

    total = round(sum(found["total"] for found in regions.values()), 2)
    report = {"currency": automa.config.get("currency", "EUR"), "regions": regions, "total": total}
    # Files live in /scratch, for as long as the execution does.
    with open("/scratch/report.json", "w") as file:
        json.dump(report, file)
    return report
