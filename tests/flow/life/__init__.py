"""The life of a task: delays, retries, limits, cancellations, runs again, and handlers that misbehave."""
