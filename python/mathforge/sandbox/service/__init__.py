"""The sandbox over HTTP, in the protocol of NeMo-Skills' sandbox server, so that its clients can point here.

`clients` says who may ask, `wire` reads requests and words answers, `sessions` keeps each client's sessions,
`application` is the routes and the server. What differs from NeMo-Skills is written down in docs/sandbox.md.
"""
