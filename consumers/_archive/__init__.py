"""Private to kinds about archives: names of members, and a ZIP that is written as it is read. It defines no kind."""
