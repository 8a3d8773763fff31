"""The files that `headrace init` writes, as templates."""
