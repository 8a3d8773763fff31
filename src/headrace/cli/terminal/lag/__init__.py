"""`headrace lag`: how far the workers of each kind and the readers of Headrace are behind, as `headrace.lag` finds it.

percentiles  how long tasks waited and ran, by the read model
columns      the table, in the width that there is
show         the command
"""
