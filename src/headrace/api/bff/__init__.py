"""What the web application reads: a route for each screen, whose answer is composed of parts."""
