"""The log in three copies on three servers, each in a network of its own that faults cut."""
