"""Map tools: draw a region."""
