"""Following live: filters of event streams, links for the pages of other products, and what the metrics say of it."""
