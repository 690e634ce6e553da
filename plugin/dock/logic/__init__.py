"""What the pages know: guesses, checks, forecasts and memory, without widgets."""
