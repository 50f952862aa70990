"""Is this process alive, can it answer, and what did it do? For probes and scrapes, without a key."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from tokentide.errors import StoreError
from tokentide.store.migrate import EXPECTED_VERSION, schema_version
from tokentide.store.port import Store

__all__ = ["not_ready_because", "router"]
