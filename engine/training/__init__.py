"""Chips from polygons, augmentation, losses, and the loops (pretraining, training, fine-tuning)."""
