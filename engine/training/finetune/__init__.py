"""Teaching a model from labelled polygons: labels, checks, split, features, training, and the new package."""
