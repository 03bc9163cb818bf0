"""HTTP/1.1 as bytes: requests out, responses in. No sockets, clocks, threads or logging.

    encode   a Request as the bytes to send
    parse    the bytes that come back, in any pieces, as a Response
    decode   a body out of its content codings

parse reads heads with head.py, decides where a body ends with framing.py, and takes chunks apart
with chunked.py. Sections cited are of RFC 9112 unless another RFC is named.
"""
