"""What a sweep is: its grid, the data that runs name, and who a member is."""
