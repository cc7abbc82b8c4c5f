"""Play recorded transcripts through an OpenAI-compatible server: evaluate again, bit for bit, without a GPU.

`recording` reads transcripts, `matching` finds the one a request asks for, `playing` turns its tokens into
steps as an engine would produce them, `completions` and `chat` speak the two endpoints' dialects as vLLM
does, `faults` rehearses the ways a server dies, and `server` puts them behind a port.
"""
