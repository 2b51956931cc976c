"""What single pages are made of: their data, runs and closed forms, one topic a file."""
