"""Private to kinds about images: decoding within bounds, and encoding. It defines no kind."""
