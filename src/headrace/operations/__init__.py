"""The operations port: what each process answers to those who run it, on an address of its own."""
