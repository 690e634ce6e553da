"""Synthetic RGB, DSM and labels that agree with each other, and true roof geometry from LoD2 files."""
