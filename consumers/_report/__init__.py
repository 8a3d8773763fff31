"""Private to kinds about reports: what a report has in it, and how it is set as PDF. It defines no kind."""
