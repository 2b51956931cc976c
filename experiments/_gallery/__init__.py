"""How `gallery` runs the pages, and how `README.md` is written from what they found."""
