"""The screens that everybody has of what is their own."""
