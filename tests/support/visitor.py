"""Someone in front of a page of a running dashboard."""

import re
import time

PATIENCE = 600  # seconds to wait for an element; a busy machine must not fail a test


class Visitor:
    """Someone in front of a page."""

    def __init__(self, page, url: str):
        self.page, self.url = page, url

    def visit(self, path: str = "/") -> None:
        """Type an address; wait until the page is complete."""
        self.page.goto(self.url + path)
        self.settle()
        if (looking := self.page.get_by_text("Looking for MNIST")).count():
            looking.wait_for(state="detached")
            self.settle()

    def settle(self) -> None:
        """Wait until nothing runs any more."""
        self.page.wait_for_selector('.stApp[data-test-script-state="notRunning"] [data-testid="stHeading"]')
        self.page.wait_for_timeout(300)

    def follow(self, name: str) -> None:
        """Go to another page by the sidebar."""
        self.page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
        self.page.get_by_role("heading", name=name, level=1).wait_for()
        self.settle()

    def text(self, key: str) -> str:
        """What the container with this key says."""
        return self.page.locator(f".st-key-{key}").inner_text()

    def press(self, key: str) -> None:
        """Press the button with this key."""
        self.page.locator(f".st-key-{key} button").click()

    def wait_for(self, key: str, pattern: str) -> str:
        """Wait until the container says something that matches, and return what it says."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, text := self.text(key), re.DOTALL):
            assert time.monotonic() < deadline, f"{key} says {text!r}, not {pattern!r}"
            self.page.wait_for_timeout(100)
        return text
