"""Small helpers for sentences to the user."""

from __future__ import annotations


def capital(sentence: str) -> str:
    """Return the sentence with its first letter capital, the rest (a layer's name, say) as it is."""
    return sentence[:1].upper() + sentence[1:]
