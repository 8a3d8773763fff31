"""Task kinds, one file each. A package whose name begins with ``_`` holds what a kind computes and defines no kind."""
