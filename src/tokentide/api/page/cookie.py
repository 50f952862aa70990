"""How does a browser stay signed in? By a cookie that holds the key or token itself, and so opens no more than it does.

No script can read it, no other site can make a browser send it, and only the page's own paths get it: the dialects
never see it. Nothing about it is kept here, so every process behind one address knows it.
"""

from __future__ import annotations

from fastapi import Request, Response

from tokentide.api.failures import Failure, Kind, Refused

__all__ = ["PATH", "presented", "require_own_site", "sign_in", "sign_out"]

PATH = "/page"
"""Below this the browser sends the cookie."""

_NAME = "tokentide_session"
_MOST_BYTES = 3800  # browsers drop a cookie of more than 4 KiB, name and attributes included, without a word
_OWN = {"same-origin", "none"}


def presented(request: Request) -> str:
    """The key or token of a request.

    Raises:
        Refused: there is none.
    """
    if key := request.cookies.get(_NAME):
        return key
    raise Refused(Failure(Kind.NO_KEY, "sign in first"))


def require_own_site(request: Request) -> None:
    """Refuse what another site's page makes a browser send.

    Raises:
        Refused: the browser says that the request comes from elsewhere.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in _OWN:
        raise Refused(Failure(Kind.WRONG_ROLE, "this may only be asked by the page itself"))


def sign_in(request: Request, response: Response, key: str) -> None:
    """Let the browser keep a key that was found good, until it is closed.

    Raises:
        Refused: the token is larger than browsers keep.
    """
    if len(key) > _MOST_BYTES:
        message = f"this token is longer than the {_MOST_BYTES} characters that a browser keeps; use a read key"
        raise Refused(Failure(Kind.BAD_REQUEST, message, "key"))
    secure = request.url.scheme == "https"
    response.set_cookie(_NAME, key, path=PATH, httponly=True, samesite="strict", secure=secure)


def sign_out(response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(_NAME, path=PATH, httponly=True, samesite="strict")
