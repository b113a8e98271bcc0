"""The line of a file that a message shows."""

from wcl.errors import Place


def source_line(place: Place | None, text: str) -> tuple[str, int]:
    """The line at a place and where `text` stands in it; the text alone where the file does not hold it."""
    line = line_at(place) if place else ""
    at = line.find(text)
    return (line, at) if at > 0 or line.startswith(text) else (text, 0)


def line_at(place: Place) -> str:
    """A line of a file as it is now; empty where there is none."""
    if not place.line:
        return ""
    try:
        with open(place.file, encoding="utf-8", errors="replace") as file:
            return next((line.rstrip("\n") for number, line in enumerate(file, 1) if number == place.line), "")
    except (OSError, ValueError):
        return ""
