"""What a browser makes of the event streams: Chromium, and nothing of ours in it but a page with an `EventSource`."""
