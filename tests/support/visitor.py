"""Visitor of a dashboard in a browser."""

import re
import time

PATIENCE = 120  # seconds; other tests may keep the machine busy


class Visitor:
    """Browser window with a page of the dashboard."""

    def __init__(self, page, url: str):
        self.page, self.url = page, url

    def visit(self, path: str = "/") -> None:
        """Open an address and wait until the page is complete."""
        self.page.goto(self.url + path)
        self.settle()
        if (loading := self.page.get_by_text("Loading MNIST")).count():
            loading.wait_for(state="detached")
            self.settle()

    def settle(self) -> None:
        """Wait until the script has finished."""
        self.page.wait_for_selector('.stApp[data-test-script-state="notRunning"] [data-testid="stHeading"]')
        self.page.wait_for_timeout(300)

    def follow(self, name: str) -> None:
        """Open another page through the sidebar."""
        self.page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
        self.page.get_by_role("heading", name=name, level=1).wait_for()
        self.settle()

    def text(self, key: str) -> str:
        """Return the text of the container with this key."""
        return self.page.locator(f".st-key-{key}").inner_text()

    def press(self, key: str) -> None:
        """Click the button with this key."""
        self.page.locator(f".st-key-{key} button").click()

    def wait_for(self, key: str, pattern: str) -> str:
        """Wait until the text of a container matches a pattern, and return the text."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, text := self.text(key), re.DOTALL):
            assert time.monotonic() < deadline, f"{key} shows {text!r}, not {pattern!r}"
            self.page.wait_for_timeout(100)
        return text
