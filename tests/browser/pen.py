"""Digits as a hand would draw them with a mouse: strokes in fractions of the canvas."""

from math import cos, radians, sin

Point = tuple[float, float]


def arc(x: float, y: float, width: float, height: float, start: float, end: float) -> list[Point]:
    """Part of an ellipse, from one angle to another (degrees, clockwise from three o'clock)."""
    angles = [radians(start + (end - start) * step / 30) for step in range(31)]
    return [(x + width * cos(angle), y + height * sin(angle)) for angle in angles]


STROKES: dict[int, list[list[Point]]] = {
    0: [arc(0.5, 0.5, 0.22, 0.33, -90, 270)],
    1: [[(0.5, 0.15), (0.5, 0.85)]],
    2: [[*arc(0.5, 0.33, 0.2, 0.18, 180, 370), (0.3, 0.82), (0.74, 0.82)]],
    3: [arc(0.46, 0.33, 0.2, 0.16, 200, 450) + arc(0.46, 0.66, 0.23, 0.18, -90, 160)],
    4: [[(0.35, 0.15), (0.28, 0.55), (0.72, 0.55)], [(0.62, 0.2), (0.62, 0.88)]],
    5: [[(0.7, 0.17), (0.36, 0.17), (0.34, 0.46), *arc(0.48, 0.63, 0.22, 0.2, -120, 150)]],
    6: [[(0.62, 0.14), (0.42, 0.38), *arc(0.5, 0.66, 0.2, 0.19, 190, 550)]],
    7: [[(0.28, 0.18), (0.72, 0.18), (0.45, 0.86)]],
    8: [arc(0.5, 0.33, 0.17, 0.16, 90, 450), arc(0.5, 0.67, 0.2, 0.18, -90, 270)],
    9: [[*arc(0.52, 0.35, 0.18, 0.18, 0, 360), (0.7, 0.35), (0.64, 0.86)]],
}


def draw(page, strokes: list[list[Point]]) -> None:
    """Draw strokes on the page's canvas with the mouse."""
    box = page.locator(".st-key-canvas canvas").last.bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=3)
        page.mouse.up()
