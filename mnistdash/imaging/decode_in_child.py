"""A script: decode an AVIF or HEIC image from standard input, and write a small PNG to standard output.

    python -I decode_in_child.py MAX_SIDE < IMAGE > PNG

It imports nothing from this package, which keeps its start short.
"""

import contextlib
import io
import sys

import pi_heif
from PIL import AvifImagePlugin, Image, ImageOps

MAX_MEMORY = 400_000_000  # bytes; a HEIC photo of 48 megapixels takes 340 MB


def main() -> None:
    """Decode the image on standard input and write its pixels to standard output."""
    with contextlib.suppress(ImportError, ValueError):  # Windows has no limits, and a limit may be lower already
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    # The limit counts the stack of each thread.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pi_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    max_side = int(sys.argv[1])
    with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=("AVIF", "HEIF")) as image:
        image.thumbnail((max_side, max_side), Image.Resampling.BOX)
        ImageOps.exif_transpose(image, in_place=True)
        image.info.clear()
        image.save(sys.stdout.buffer, "PNG", compress_level=1)


if __name__ == "__main__":
    main()
