"""Kinds whose handlers do nothing, so that what is measured is what is around them."""
