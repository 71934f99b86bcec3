"""The page: files that are served as they are."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

from fastapi import FastAPI, Request, Response

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def add_page(app: FastAPI) -> frozenset[str]:
    """Serve every file of this folder by its name, and `index.html` as the root; returns their paths.

    The look of mentions is that of the HTML format, whose style sheet is served beside the page's own.
    """
    folder = files(__package__)
    assets = {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(tuple(_KINDS))}
    assets["mentions.css"] = files("lehr.formats").joinpath("html.css").read_bytes()
    for name, content in assets.items():
        _add(app, "/" if name == "index.html" else f"/{name}", name, content)
    return frozenset(f"/{name}" for name in assets if name != "index.html") | {"/"}


def _add(app: FastAPI, path: str, name: str, content: bytes) -> None:
    kind = _KINDS[name[name.rindex(".") :]]
    headers = {"etag": f'"{sha256(content).hexdigest()[:16]}"', "cache-control": "no-cache"}

    async def get(request: Request) -> Response:
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    app.add_api_route(path, get, methods=["GET", "HEAD"], include_in_schema=False)
