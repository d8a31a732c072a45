"""Changes to training batches: pictures, texts, sounds. Each strength is a number, 0 for none, and can be swept."""
