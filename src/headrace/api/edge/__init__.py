"""What every request passes: request ids, problems, the OpenAPI document, idempotency keys."""
