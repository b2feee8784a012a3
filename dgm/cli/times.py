"""Times as they are shown: moments for programs, durations for people."""

from datetime import UTC, datetime


def iso_time(seconds: float) -> str:
    """Return a time since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def duration_words(seconds: float) -> str:
    """Return a time as people say it: to the second below an hour, then to the minute."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {whole % 60:02} s" if minutes else f"{whole} s"
