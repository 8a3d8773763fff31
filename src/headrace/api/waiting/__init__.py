"""Why a task does not run yet: what is known is gathered from the log and the read model, and a pure function says what follows."""
