"""Clients of OpenAI-compatible servers: token ids or messages in, answers out; one address or many.

Failures have three sizes. A request that the server refuses for a reason of its own is the sample's
(`RefusedError`). A request that fails again and again while servers answer others is the sample's too
(`FailedRequestError`). Only when no server answers any more does the run end (`ServerError`).
"""

from .capabilities import STOP_IDS, Capabilities
from .connection import Reader
from .models import DEFAULT_CONTEXT_TOKENS, Model
from .pool import FailedRequestError, Server

__all__ = [
    "DEFAULT_CONTEXT_TOKENS",
    "STOP_IDS",
    "Capabilities",
    "FailedRequestError",
    "Model",
    "Reader",
    "Server",
]
