"""Network."""

from collections.abc import Sequence

import numpy as np

from mnistdash.ui.html.sprites import png_url

WARM, COLD = np.array([255, 176, 64]), np.array([72, 148, 255])  # RGB


def filters(weights: np.ndarray) -> str:
    """Weights as pictures, warm where they are positive, cold where negative, black where 0.

    Args:
        weights: (n, height, width) float32.
    """
    largest = max(1e-9, float(np.abs(weights).max(initial=0)))
    share = np.clip(weights[..., None] / largest, -1, 1)
    colours = np.round(np.maximum(share, 0) * WARM + np.maximum(-share, 0) * COLD).astype(np.uint8)
    pictures = [f'<img src="{png_url(picture)}" alt="Filter {k + 1}">' for k, picture in enumerate(colours)]
    return f'<div class="md-filters">{"".join(pictures)}</div>'


def activations(image: np.ndarray, layers: Sequence[tuple[str, np.ndarray]]) -> str:
    """A digit, then how each layer answers to it.

    Args:
        image: (28, 28) uint8, 255 = ink.
        layers: for each its name and (channels, height, width) uint8.
    """
    rows = [("The digit", image[None]), *layers]
    parts = []
    for name, maps in rows:
        # A layer without places is one wide picture.
        shape = "" if maps.shape[1] == maps.shape[2] else ' class="wide"'
        pictures = "".join(f'<img{shape} src="{png_url(one)}" alt="">' for one in maps)
        parts.append(f'<figure><figcaption>{name}</figcaption><div class="maps">{pictures}</div></figure>')
    return f'<div class="md-layers">{"".join(parts)}</div>'


def network_view(image: np.ndarray, caption: str = "") -> str:
    """What the network sees, each pixel to be told apart.

    Args:
        image: (28, 28) uint8, 255 = ink.
        caption: stands below.
    """
    picture = f'<img src="{png_url(image)}" alt="The 28 by 28 image the network sees">'
    words = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure class="md-view">{picture}{words}</figure>'
