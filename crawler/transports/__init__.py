"""Ways to perform one exchange in blocking style; contracts.Transport says what that is.

    via_socket    our own, on wire: read this one first
    via_requests  the requests library: its adapter, its pool, its bytes
    via_urllib    urllib.request: an opener without the handlers that do what is done once elsewhere

All three connect through _dial, talk through _stream and read through wire.parse, so the same
misfortune has the same code in each.
"""
