"""The log: the only code that speaks JetStream.

`subjects` spells every subject, header and name; `provision` makes the stream and consumers what they should be; `append`
writes; `pull` reads as a consumer; `replay` reads history; `live` follows what is appended now. `connection.Log` holds them.
"""
