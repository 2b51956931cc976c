"""Experiments: one page a file, each with its claim, command, minutes and numbers."""
