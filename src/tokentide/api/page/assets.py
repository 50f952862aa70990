"""What is the page made of, and how may a browser keep it? Files of this package, named by what all of them hold."""

from __future__ import annotations

import hashlib
from importlib import resources

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

__all__ = ["Assets"]

_INDEX = "index.html"
_MARK = "{{files}}"
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
}


class Assets:
    """The files, read once. The page names their folder by a hash, so that each may be kept for ever."""

    def __init__(self) -> None:
        folder = resources.files("tokentide.api.page").joinpath("files")
        self._files = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
        everything = b"".join(name.encode() + data for name, data in sorted(self._files.items()))
        self._version = hashlib.blake2b(everything, digest_size=8).hexdigest()
        self._page = self._files.pop(_INDEX).replace(_MARK.encode(), f"/page/files/{self._version}".encode())

    def add_to(self, router: APIRouter) -> None:
        """Serve the page and its files."""
        router.add_api_route("/", self.page, methods=["GET", "HEAD"])
        router.add_api_route("/page/files/{version}/{name}", self.file, methods=["GET", "HEAD"])

    async def page(self, request: Request) -> Response:
        """The page, which is the same for everyone: what it shows, it asks for."""
        tag = f'"{self._version}"'
        headers = _PAGE_HEADERS | {"ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(self._page, headers=headers, media_type="text/html")

    async def file(self, version: str, name: str) -> Response:
        """One file; one of another version is not here any more."""
        data = self._files.get(name)
        if data is None or version != self._version:
            raise HTTPException(404, "no such file")
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(data, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])
