"""The routes below `/bff/v1`, a module for each screen."""
