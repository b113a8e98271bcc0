"""The line of a file that a message shows."""

from wcl.errors import Place


def source_line(place: Place | None, text: str) -> tuple[str, int]:
    """The line at a place and where `text` stands in it; the text alone where the file does not hold it."""
    if place is not None and place.line:
        try:
            with open(place.file, encoding="utf-8", errors="replace") as file:
                for number, line in enumerate(file, 1):
                    if number == place.line:
                        at = line.find(text)
                        return (line.rstrip("\n"), at) if at >= 0 else (text, 0)
        except OSError:
            pass
    return text, 0
