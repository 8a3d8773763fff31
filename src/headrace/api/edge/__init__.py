"""What every request passes: request ids, problems, CORS, the OpenAPI document, idempotency keys."""
