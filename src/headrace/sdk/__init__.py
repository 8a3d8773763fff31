"""The parts of the SDK. Kinds import them from `headrace.task`."""
