"""HTML for a network: its input, filters and activations."""

from collections.abc import Sequence

import numpy as np

from mnistdash.ui.html.sprites import png_url

WARM, COLD = np.array([255, 176, 64]), np.array([72, 148, 255])  # RGB


def filters(weights: np.ndarray) -> str:
    """Show weights as pictures: positive ones warm, negative ones cold, 0 black.

    Args:
        weights: (n, height, width) float32.
    """
    largest = max(1e-9, float(np.abs(weights).max(initial=0)))
    share = weights[..., None] / largest
    colors = np.round(np.maximum(share, 0) * WARM + np.maximum(-share, 0) * COLD).astype(np.uint8)
    pictures = [f'<img src="{png_url(picture)}" alt="Filter {k + 1}">' for k, picture in enumerate(colors)]
    return f'<div class="md-filters">{"".join(pictures)}</div>'


def activations(image: np.ndarray, layers: Sequence[tuple[str, np.ndarray]]) -> str:
    """Show a digit, then the activations of each layer.

    Args:
        image: (28, 28) uint8, 255 = foreground.
        layers: for each its name and (channels, height, width) uint8.
    """
    parts = []
    for name, maps in [("Input", image[None]), *layers]:
        # A dense layer is one wide picture.
        shape = "" if maps.shape[1] == maps.shape[2] else ' class="wide"'
        pictures = "".join(f'<img{shape} src="{png_url(one)}" alt="">' for one in maps)
        parts.append(f'<figure><figcaption>{name}</figcaption><div class="maps">{pictures}</div></figure>')
    return f'<div class="md-layers">{"".join(parts)}</div>'


def network_view(image: np.ndarray, caption: str = "") -> str:
    """Show the network's input with sharp pixels.

    Args:
        image: (28, 28) uint8, 255 = foreground.
        caption: HTML below the picture.
    """
    picture = f'<img src="{png_url(image)}" alt="28 by 28 network input">'
    text = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure class="md-view">{picture}{text}</figure>'
