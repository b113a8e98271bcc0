"""Spelling suggestions: the known word that was probably meant."""

from collections.abc import Iterable

#: Largest number of edits between a word and a suggestion.
MOST_EDITS = 2


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word with the fewest edits; None if there is none within `MOST_EDITS`."""
    return next(iter(suggest_all(word, known)), None)


def suggest_all(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words at most two edits away, and fewer than half the word's letters; the closest first."""
    allowed = min(MOST_EDITS, (len(word) - 1) // 2)
    # Each edit changes at most two letters of the set.
    letters = set(word.lower())
    suggestions: list[tuple[int, str]] = []
    for candidate in known:
        if abs(len(candidate) - len(word)) > allowed or len(letters ^ set(candidate.lower())) > 2 * allowed:
            continue
        count = count_edits(word.lower(), candidate.lower())
        if count <= allowed:
            suggestions.append((count, candidate))
    return [candidate for _, candidate in sorted(suggestions)]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint for a message; empty if no known word is within two edits."""
    suggestion = suggest(word, known)
    return f"did you mean '{suggestion}'?" if suggestion else ""


def count_edits(a: str, b: str) -> int:
    """Count the insertions, deletions, replacements and swaps of neighbours that turn a word into another.

    This is the restricted Damerau-Levenshtein distance.
    """
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
