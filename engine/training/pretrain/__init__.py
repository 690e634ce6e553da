"""Masked-image pretraining of the encoder pair on rasters without labels."""
