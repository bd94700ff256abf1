"""What drives a system and records raw measurements: performance, accuracy, training."""
