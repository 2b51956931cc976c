"""What is kept of a sweep: claims, checkpoints, rows, and how a folder goes on."""
