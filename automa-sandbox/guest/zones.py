# The world's time zones, kept in memory: a script has no /usr/share/zoneinfo to read them from.
import importlib.resources
import io
import zoneinfo
from zoneinfo import _common, _tzpath


def _read_all():
    root = importlib.resources.files("tzdata")
    names = (root / "zones").read_text().split()
    return {name: (root / "zoneinfo").joinpath(*name.split("/")).read_bytes() for name in names}


def install():
    """Makes `zoneinfo` read from memory, and leaves `TZPATH` empty."""
    zones = _read_all()

    def load_tzdata(key):
        try:
            return io.BytesIO(zones[key])
        except (KeyError, TypeError):
            raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}") from None

    def available_timezones():
        return set(zones)

    _common.load_tzdata = load_tzdata
    _tzpath.available_timezones = zoneinfo.available_timezones = available_timezones
    zoneinfo.reset_tzpath(to=())
