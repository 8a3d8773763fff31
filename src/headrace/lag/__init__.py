"""How far the workers of each kind and the readers of Headrace are behind, and what is wrong; for commands and for screens.

reading      what the log and the catalog say
percentiles  how long tasks waited and ran
rows         one row for each kind or lane
hints        what is wrong, in words
"""
