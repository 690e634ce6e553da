"""Synthetic RGB, DSM and labels that agree with each other, and true roof geometry from LoD2 files.

A scene is planned in metres (``town``, ``blocks``, ``plan``), drawn into layers (``canvas`` and what draws on it), seen
by sensors (``sensor``, ``picture``) and handed out as chips (``chip``) or files (``write``).
"""
