# The reference for cron schedules: reads schedule.cases, writes schedule.txt. Run it by hand: python3 schedule.py
"""Answers each case by brute force from the rules in src/schedule.rs, with Python's zoneinfo and none of our code.

A wildcard expression (minute or hour starts with `*`) is looked for among all instants, one after the other. A fixed
one is looked for among all local times, one after the other, each turned into its instant by trying both folds, and by
stepping forward out of a gap. Nothing here is fast or clever; that is the point.
"""

import calendar
import datetime as dt
import pathlib
import zoneinfo

HERE = pathlib.Path(__file__).parent
UTC = dt.timezone.utc
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def value(text, names, first):
    """A number or a name."""
    return names.index(text) + first if text in names else int(text)


def numbers(text, low, high, names=()):
    """The numbers that a field of plain values allows."""
    found = set()
    for item in text.upper().split(","):
        base, _, step = item.partition("/")
        if base in "*?":
            first, last = low, high
        elif "-" in base:
            left, _, right = base.partition("-")
            first, last = value(left, names, low), value(right, names, low)
            if names == WEEKDAYS and right == "SUN" and first > 0:
                last = 7
        else:
            first = value(base, names, low)
            last = high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


def weekday(date):
    """The weekday, Sunday being 0."""
    return date.isoweekday() % 7


def day_of_month_meets(item, date):
    """Whether a date meets one item of day_of_month."""
    item = item.upper()
    length = calendar.monthrange(date.year, date.month)[1]
    if item == "L":
        return date.day == length
    if item == "LW":
        working = [d for d in range(1, length + 1) if weekday(date.replace(day=d)) not in (0, 6)]
        return date.day == working[-1]
    if item.endswith("W"):
        wanted = int(item[:-1])
        if wanted > length:
            return False
        working = [d for d in range(1, length + 1) if weekday(date.replace(day=d)) not in (0, 6)]
        return date.day == min(working, key=lambda d: abs(d - wanted))
    return date.day in numbers(item, 1, 31)


def day_of_week_meets(item, date):
    """Whether a date meets one item of day_of_week."""
    item = item.upper()
    length = calendar.monthrange(date.year, date.month)[1]
    if "#" in item or (item.endswith("L") and len(item) > 1):
        name, _, which = item.partition("#") if "#" in item else (item[:-1], "#", "L")
        same = [d for d in range(1, length + 1) if weekday(date.replace(day=d)) == value(name, WEEKDAYS, 0) % 7]
        if which == "L":
            return date.day == same[-1]
        return int(which) <= len(same) and date.day == same[int(which) - 1]
    return weekday(date) in {number % 7 for number in numbers(item, 0, 6, WEEKDAYS)}


class Expression:
    """A cron expression, taken apart."""

    def __init__(self, text):
        parts = NICKNAMES.get(text.lower(), text).split()
        second, minute, hour, self.day, month, self.weekday = parts if len(parts) == 6 else ["0", *parts]
        self.seconds = sorted(numbers(second, 0, 59))
        self.minutes = numbers(minute, 0, 59)
        self.hours = numbers(hour, 0, 23)
        self.months = numbers(month, 1, 12, MONTHS)
        self.wildcard = minute[0] == "*" or hour[0] == "*"

    def meets_date(self, date):
        """Whether a date meets month and days."""
        if date.month not in self.months:
            return False
        by_day = any(day_of_month_meets(item, date) for item in self.day.split(","))
        by_weekday = any(day_of_week_meets(item, date) for item in self.weekday.split(","))
        either = self.day[0] not in "*?" and self.weekday[0] not in "*?"
        return (by_day or by_weekday) if either else (by_day and by_weekday)

    def meets_minute(self, local):
        """Whether a local time meets everything but the seconds."""
        return local.minute in self.minutes and local.hour in self.hours and self.meets_date(local.date())


def wildcard(expression, zone, after, count):
    """Every instant, one after the other."""
    found = []
    instant = after.replace(second=0, microsecond=0)
    while len(found) < count:
        local = instant.astimezone(zone)
        around = [local.date() + dt.timedelta(days=days) for days in (-1, 0, 1, 2)]
        if not any(expression.meets_date(date) for date in around):
            instant += dt.timedelta(hours=10)
            continue
        if expression.meets_minute(local):
            found += [t for s in expression.seconds if (t := instant + dt.timedelta(seconds=s)) > after]
        instant += dt.timedelta(minutes=1)
    return found[:count]


def instant_of(local, zone):
    """The first instant with this local time, or the first after the gap that swallows it."""
    while True:
        candidates = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        real = [t for t in candidates if t.astimezone(zone).replace(tzinfo=None, fold=0) == local]
        if real:
            return min(real)
        local = local.replace(second=0) + dt.timedelta(minutes=1)


def fixed(expression, zone, after, count):
    """Every local time, one after the other."""
    found = set()
    date = after.astimezone(zone).date() - dt.timedelta(days=2)
    days_left = 3
    while days_left > 0:
        if expression.meets_date(date):
            for hour in range(24):
                for minute in range(60):
                    if hour in expression.hours and minute in expression.minutes:
                        for second in expression.seconds:
                            local = dt.datetime.combine(date, dt.time(hour, minute, second))
                            found.add(instant_of(local, zone))
        found = {instant for instant in found if instant > after}
        # Some days more, in case a later local time comes earlier.
        days_left -= len(found) >= count
        date += dt.timedelta(days=1)
    return sorted(found)[:count]


def main():
    lines = [
        "# Expected instants of cron schedules: expression | zone | after | the next ones, in local time.",
        "# Made by schedule.py from schedule.cases, by brute force with Python's zoneinfo; never from our own answers.",
    ]
    for line in (HERE / "schedule.cases").read_text().splitlines():
        if not line or line.startswith("#"):
            lines.append(line if not line or line.startswith("##") else "")
            continue
        text, name, start, count = (part.strip() for part in line.split("|"))
        zone = zoneinfo.ZoneInfo(name)
        after = dt.datetime.fromisoformat(start).astimezone(UTC)
        expression = Expression(text)
        search = wildcard if expression.wildcard else fixed
        found = " ".join(t.astimezone(zone).isoformat() for t in search(expression, zone, after, int(count)))
        lines.append(f"{text} | {name} | {start} | {found}")
    (HERE / "schedule.txt").write_text("\n".join(lines) + "\n")


main()
