"""Example requests and responses from `examples.json`, which a test compares with real ones."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException

PATH = Path(__file__).with_name("examples.json")


class Examples:
    """The examples by route; each has a `title`, a `request` and its `response`."""

    def __init__(self, app: Flask) -> None:
        self._exchanges = json.loads(PATH.read_text(encoding="utf-8"))
        urls = app.url_map.bind("")
        for each in self._exchanges:
            request = each["request"]
            try:
                path = urlsplit(request["path"]).path
                each["endpoint"], each["arguments"] = urls.match(path, request["method"])
            except HTTPException:  # An example of 404 or 405.
                each["endpoint"] = None

    def of_error(self, status: int) -> dict[str, Any]:
        """Return one response with the status, from any route."""
        found = [each for each in self._exchanges if each["response"]["status"] == status]
        return {_name(each): _response(each) for each in found[:1]}

    def of_response(
        self, endpoint: str, status: int, media_type: str = "application/json"
    ) -> dict[str, Any]:
        """Return the responses of a route with the status."""
        return {
            _name(each): _response(each)
            for each in self._of(endpoint)
            if each["response"]["status"] == status
            and each["response"].get("body")
            and each["response"].get("media_type", "application/json") == media_type
        }

    def of_text(self, endpoint: str, media_type: str) -> dict[str, Any]:
        """Return the text bodies of a media type that a route accepted."""
        return {
            _name(each): {"summary": each["title"], "value": each["request"]["text"]}
            for each in self._of(endpoint)
            if each["response"]["status"] < 300
            and each["request"]["headers"]["Content-Type"] == media_type
        }

    def of_body(self, endpoint: str) -> dict[str, Any]:
        """Return the JSON bodies that a route accepted."""
        return {
            _name(each): {"summary": each["title"], "value": each["request"]["body"]}
            for each in self._of(endpoint)
            if each["response"]["status"] < 300
        }

    def of_path(self, endpoint: str) -> dict[str, str]:
        """Return values for the parameters in a route's path."""
        return dict(self._of(endpoint)[0]["arguments"])

    def _of(self, endpoint: str) -> list[dict[str, Any]]:
        return [each for each in self._exchanges if each["endpoint"] == endpoint]


def _name(exchange: dict[str, Any]) -> str:
    return str(exchange["title"]).lower().replace(" ", "-")


def _response(exchange: dict[str, Any]) -> dict[str, Any]:
    return {"summary": exchange["title"], "value": exchange["response"]["body"]}
