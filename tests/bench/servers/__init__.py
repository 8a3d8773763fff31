"""Servers that tell many clients the same, and how one of them is measured: Headrace, or what stands beside it."""
