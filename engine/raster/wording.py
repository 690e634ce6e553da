"""Small helpers for sentences to the user."""

from __future__ import annotations


def capital(sentence: str) -> str:
    """Return the sentence with its first letter capital, the rest (a layer's name, say) as it is."""
    return sentence[:1].upper() + sentence[1:]


def metres(size: float) -> str:
    """Return a pixel's size for people: ``0.25 m``, ``1.38 m``, ``78,347 m``."""
    return f"{size:,.0f} m" if size >= 1000 else f"{size:.3g} m"
