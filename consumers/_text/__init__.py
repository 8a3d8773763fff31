"""Private to kinds about prose: sentences and words, readability, spelling, findings. It defines no kind."""
