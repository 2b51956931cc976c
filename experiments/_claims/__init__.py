"""What the pages claim, judged from their saved rows: a page's under its name, none trains.

Each has `of_page(folder) -> list[Verdict]`. The rows of the last run and the committed ones
are judged by the same lines, and a claim that fails stays in the list.
"""
