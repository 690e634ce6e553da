"""The toolbox: one provider, one algorithm a file. These are the only callers of the engine."""
