"""Which members run next, on which process, and when they stop."""
