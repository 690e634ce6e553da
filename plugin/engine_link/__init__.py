"""The link to the engine: its environment (make, verify, repair), its process (start, talk, cancel), its jobs."""
