"""The load's kinds: `ordinary` ones, and `poison` that takes its worker down or holds on to it."""
