"""Ground from a surface, heights above ground, and roof geometry."""
