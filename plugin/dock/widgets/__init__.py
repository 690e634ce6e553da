"""Widgets that the pages are made of."""
