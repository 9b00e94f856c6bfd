"""Drawing with the mouse."""

from hands import DIGITS, Point

STROKES = {int(digit): strokes for digit, strokes in DIGITS.items()}


def draw(page, strokes: list[list[Point]], canvas: str = "canvas", part: tuple[int, int] = (0, 1)) -> None:
    """Draw strokes on a canvas of the page.

    Args:
        page: a Playwright page.
        strokes: points in fractions of their box.
        canvas: key of the canvas's container.
        part: index and number of the boxes side by side on the canvas.
    """
    box = page.locator(f".st-key-{canvas} canvas").last.bounding_box()
    width = box["width"] / part[1]
    for stroke in strokes:
        points = [(box["x"] + (part[0] + x) * width, box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=3)
        page.mouse.up()
