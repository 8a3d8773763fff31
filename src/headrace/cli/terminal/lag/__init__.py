"""`headrace lag`: how far the workers of each kind and the readers of Headrace are behind, and what is wrong.

reading   what the log, the catalog and the read model say
rows      one row for each kind or lane
hints     what is wrong, in words
columns   the table, in the width that there is
show      the command
"""
