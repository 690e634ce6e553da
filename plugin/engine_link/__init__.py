"""The plugin's link to the engine: its environment (make, verify, repair), its process (start, talk, cancel, watch), its jobs."""
