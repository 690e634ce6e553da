"""What fine-tuning reaches: before and after, on ground that taught nothing."""
