"""Six modules of the standard library and real work with them: how computing shifts the ratio."""

import argparse
import csv
import decimal
import io
import json
import re
import statistics

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=50)
options = parser.parse_args([])
table = io.StringIO()
csv.writer(table).writerows([n, decimal.Decimal(n) / 7] for n in range(options.rows))
numbers = [float(row[1]) for row in csv.reader(io.StringIO(table.getvalue()))]
report = {"mean": statistics.mean(numbers), "digits": len(re.findall(r"\d", table.getvalue()))}
print(json.dumps(report))
