"""A page opened in a real browser, and all that it did on the way."""

from pathlib import Path
from typing import Any


class Visit:
    """A page that was opened, with everything it said and asked for."""

    def __init__(self, browser: Any, path: Path, width: int):
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.said: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
