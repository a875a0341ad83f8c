"""What is on disk, wherever it lies."""
