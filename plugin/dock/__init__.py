"""The dock: one page a file, its widgets and the reasoning behind them."""
