"""Results for what the map shows, and roofs at a click, by an engine that stays warm."""
