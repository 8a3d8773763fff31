"""Commands of the command line that are about the same thing: their arguments and options. What they do is in `terminal`."""
