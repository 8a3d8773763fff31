"""Task kinds for the tests: well-behaved ones in `plain`, the others in `hostile`."""
