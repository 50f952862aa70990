"""The parts of the HTTP front over chDB; `tokentide.embedded.clickhouse_front` puts them together.

lexer, statement, request, answer   pure: text and bytes in, values out
body                                the bytes of a request, streamed and unpacked
engine                              chDB
server                              HTTP
"""
