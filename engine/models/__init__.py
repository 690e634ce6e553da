"""Encoders, fusion, masked-image pretraining, heads, and the model package on disk.

Nothing is imported here: ``models.package`` serves inference without torch, all else needs the ``train`` extra.
"""
