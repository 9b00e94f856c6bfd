"""Training images as other hands and other pens would have written them."""

import math

import keras
from keras import layers, ops

SIDE = 28  # pixels


@keras.saving.register_keras_serializable("mnistdash")
class RandomHandwriting(layers.Layer):
    """Warps each training image at random in one interpolation, then changes its strokes.

    Turn, scale, shear and shift are one affine map; on top of it comes an elastic distortion, a
    smooth field of random displacements. One interpolation instead of a chain of Keras' own
    layers, each of which would blur the strokes once more. Then strokes become thicker or
    thinner, and their edges harder or softer. Does nothing outside training.

    Args:
        degrees: largest turn either way.
        scale: largest change of size, as a fraction, drawn for width and height apart.
        shear: largest horizontal shear, as a tangent.
        shift: largest move either way, in pixels, drawn for x and y apart.
        bend: largest coefficient of each quadratic term, in 1/pixel: strokes bow, and one side becomes
            larger than the other.
        elastic: largest standard deviation of the elastic displacement, in pixels.
        thinner, thicker: largest share by which an image is replaced by itself eroded or dilated
            by one pixel all around.
        softer, harder: largest share by which ink becomes fainter, or darker with harder edges.
        least: each image is warped by a share of the above, drawn between this and 1.
        seed: makes the draws repeatable.

    Source of the elastic distortion: P. Simard et al., "Best practices for convolutional neural
    networks applied to visual document analysis", 2003.
    """

    def __init__(
        self,
        degrees=15.0,
        scale=0.2,
        shear=0.3,
        shift=2.0,
        bend=0.02,
        elastic=1.0,
        thinner=0.3,
        thicker=0.5,
        softer=0.1,
        harder=0.5,
        least=0.0,
        seed=0,
        **options,
    ):
        super().__init__(**options)
        self.degrees, self.scale, self.shear, self.shift = degrees, scale, shear, shift
        self.bend, self.elastic, self.thinner, self.thicker = bend, elastic, thinner, thicker
        self.softer, self.harder, self.least, self.seed = softer, harder, least, seed
        self._generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        """Change images.

        Args:
            images: (n, 28, 28) float32 in [0, 1].
            training: whether to change anything.

        Returns:
            (n, 28, 28) float32 in [0, 1].
        """
        if not training:
            return images
        return self._pen(self._warp(images))

    def _uniform(self, count, low, high):
        return keras.random.uniform((count, 1), low, high, seed=self._generator)

    def _warp(self, images):
        count = ops.shape(images)[0]

        # Some images are hardly changed, others in every way: MNIST itself must stay well covered.
        strength = self._uniform(count, self.least, 1.0)

        def draw(largest):
            return strength * self._uniform(count, -largest, largest)

        angle, shear = draw(math.radians(self.degrees)), draw(self.shear)
        cos, sin = ops.cos(angle), ops.sin(angle)
        width, height = 1 + draw(self.scale), 1 + draw(self.scale)
        # Where each output pixel comes from: scale, then shear, then turn, about the middle.
        y, x = (ops.reshape(ops.cast(axis, "float32"), (1, -1)) - (SIDE - 1) / 2 for axis in _pixels())
        from_x = cos * width * x + (cos * shear - sin) * height * y + draw(self.shift)
        from_y = sin * width * x + (sin * shear + cos) * height * y + draw(self.shift)
        if self.bend:
            for term in (x * x, x * y, y * y):
                from_x, from_y = from_x + draw(self.bend) * term, from_y + draw(self.bend) * term
        if self.elastic:
            # A few random displacements, smoothly interpolated to all pixels.
            coarse = keras.random.normal((count, 6, 6, 2), seed=self._generator)
            field = ops.reshape(ops.image.resize(coarse, (SIDE, SIDE), "bicubic"), (count, SIDE * SIDE, 2))
            from_x, from_y = (
                start + self.elastic * strength * field[..., k] for k, start in enumerate((from_x, from_y))
            )
        return _sample(images, from_x + (SIDE - 1) / 2, from_y + (SIDE - 1) / 2)

    def _pen(self, images):
        images = ops.expand_dims(images, -1)
        shape = (ops.shape(images)[0], 1, 1, 1)
        change = keras.random.uniform(shape, -self.thinner, self.thicker, seed=self._generator)
        thick = ops.max_pool(images, 3, 1, "same")
        thin = 1 - ops.max_pool(1 - images, 3, 1, "same")
        images = images + ops.relu(change) * (thick - images) + ops.relu(-change) * (thin - images)
        hardness = 1 + keras.random.uniform(shape, -self.softer, self.harder, seed=self._generator)
        return ops.squeeze(ops.clip(hardness * images, 0, 1), -1)

    def get_config(self) -> dict:
        names = ["degrees", "scale", "shear", "shift", "bend", "elastic"]
        names += ["thinner", "thicker", "softer", "harder", "least", "seed"]
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _pixels():
    return ops.meshgrid(ops.arange(SIDE), ops.arange(SIDE), indexing="ij")


def _sample(images, x, y):
    """Images at fractional places, interpolated between the four nearest pixels; 0 outside.

    Args:
        images: (n, 28, 28) float32.
        x, y: (n, 784) float32, in pixels.

    Returns:
        (n, 28, 28) float32.
    """
    # A border of zeros on each side, so that places outside need no case of their own.
    padded = ops.reshape(ops.pad(images, ((0, 0), (1, 1), (1, 1))), (-1, (SIDE + 2) ** 2))
    x, y = (ops.clip(place + 1, 0.0, SIDE + 0.999) for place in (x, y))
    left, top = ops.floor(x), ops.floor(y)
    right_share, bottom_share = x - left, y - top
    first = ops.cast(top * (SIDE + 2) + left, "int32")

    def pixel(offset):
        return ops.take_along_axis(padded, first + offset, axis=1)

    upper = pixel(0) * (1 - right_share) + pixel(1) * right_share
    lower = pixel(SIDE + 2) * (1 - right_share) + pixel(SIDE + 3) * right_share
    return ops.reshape(upper * (1 - bottom_share) + lower * bottom_share, (-1, SIDE, SIDE))
