"""Layers: results into the tree with their styles, and layers that are no file written out."""
