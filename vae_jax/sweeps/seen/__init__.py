"""What a person sees of a running sweep, and what is written while it runs."""
