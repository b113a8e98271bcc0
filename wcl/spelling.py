"""Which known word was probably meant."""

from collections.abc import Iterable

#: More than two edits away, a suggestion confuses more than it helps.
MOST_EDITS = 2


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word at most two edits away, and nearer than half the word's length; the closest wins."""
    allowed = min(MOST_EDITS, (len(word) - 1) // 2)
    # One edit changes at most two of the letters that a word has.
    letters = set(word.lower())
    best: tuple[int, str] | None = None
    for candidate in known:
        if abs(len(candidate) - len(word)) > allowed or len(letters ^ set(candidate.lower())) > 2 * allowed:
            continue
        found = (edits(word.lower(), candidate.lower()), candidate)
        if found[0] <= allowed and (best is None or found < best):
            best = found
    return best[1] if best else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a message; empty when nothing is near."""
    close = nearest(word, known)
    return f"did you mean '{close}'?" if close else ""


def edits(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(b, 1):
            cost = min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and other == a[i - 2]:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
