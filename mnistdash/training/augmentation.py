"""Augmentation: training images as other writers with other pens would have drawn them."""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

SIDE = 28  # pixels


class RandomHandwriting(layers.Layer):
    """Warps every training image at random, then changes its strokes.

    Rotation, scaling, shear and shift form one affine map; an elastic distortion, a smooth field of random
    displacements, is added to it. The image is interpolated only once, because every interpolation blurs the strokes.
    Afterwards strokes get thicker or thinner, and their edges harder or softer. The layer changes nothing outside
    training.

    Args:
        degrees: largest rotation in either direction.
        scale: largest relative change of width and of height.
        shear: largest horizontal shear, as a tangent.
        shift: largest shift along either axis, in pixels.
        bend: largest coefficient of each quadratic term, in 1/pixel; such terms bend strokes.
        elastic: largest standard deviation of the elastic displacements, in pixels.
        thinner, thicker: largest weight of the image eroded or dilated by one pixel.
        softer, harder: largest relative decrease or increase of contrast.
        least: smallest strength of the warp; every image draws a strength between this and 1.
        seed: seed of all random numbers.
        options: as for any layer.

    Source of the elastic distortion: P. Simard et al., "Best practices for convolutional neural networks applied to
    visual document analysis", 2003.
    """

    def __init__(
        self,
        degrees: float = 15.0,
        scale: float = 0.2,
        shear: float = 0.3,
        shift: float = 2.0,
        bend: float = 0.02,
        elastic: float = 1.0,
        thinner: float = 0.3,
        thicker: float = 0.5,
        softer: float = 0.1,
        harder: float = 0.5,
        least: float = 0.0,
        seed: int = 0,
        **options: Any,
    ):
        super().__init__(**options)
        self.degrees, self.scale, self.shear, self.shift = degrees, scale, shear, shift
        self.bend, self.elastic, self.least = bend, elastic, least
        self.thinner, self.thicker, self.softer, self.harder = thinner, thicker, softer, harder
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Change images.

        Args:
            images: (n, 28, 28) float32 in [0, 1].
            training: False returns the images as they are.

        Returns:
            (n, 28, 28) float32 in [0, 1].
        """
        return self._change_strokes(self._warp(images)) if training else images

    def _warp(self, images: tf.Tensor) -> tf.Tensor:
        shape = (ops.shape(images)[0], 1)
        # A random strength for every image keeps some of them close to the original MNIST.
        strength = keras.random.uniform(shape, self.least, 1.0, seed=self._seeds)

        def draw(largest: float) -> tf.Tensor:
            return strength * keras.random.uniform(shape, -largest, largest, seed=self._seeds)

        angle, shear = draw(math.radians(self.degrees)), draw(self.shear)
        cos, sin = ops.cos(angle), ops.sin(angle)
        width, height = 1 + draw(self.scale), 1 + draw(self.scale)
        # The source of each output pixel: scale, shear and rotate about the center, then shift.
        axes = ops.meshgrid(ops.arange(SIDE), ops.arange(SIDE), indexing="ij")
        y, x = (ops.reshape(ops.cast(axis, "float32"), (1, -1)) - (SIDE - 1) / 2 for axis in axes)
        from_x = cos * width * x + (cos * shear - sin) * height * y + draw(self.shift)
        from_y = sin * width * x + (sin * shear + cos) * height * y + draw(self.shift)
        if self.bend:
            for term in (x * x, x * y, y * y):
                from_x, from_y = from_x + draw(self.bend) * term, from_y + draw(self.bend) * term
        if self.elastic:
            coarse = keras.random.normal((shape[0], 6, 6, 2), seed=self._seeds)
            field = ops.reshape(ops.image.resize(coarse, (SIDE, SIDE), "bicubic"), (shape[0], SIDE * SIDE, 2))
            from_x, from_y = (
                start + self.elastic * strength * field[..., axis] for axis, start in enumerate((from_x, from_y))
            )
        return _sample(images, from_x + (SIDE - 1) / 2, from_y + (SIDE - 1) / 2)

    def _change_strokes(self, images: tf.Tensor) -> tf.Tensor:
        images = ops.expand_dims(images, -1)
        shape = (ops.shape(images)[0], 1, 1, 1)
        change = keras.random.uniform(shape, -self.thinner, self.thicker, seed=self._seeds)
        thick = ops.max_pool(images, 3, 1, "same")
        thin = 1 - ops.max_pool(1 - images, 3, 1, "same")
        images = images + ops.relu(change) * (thick - images) + ops.relu(-change) * (thin - images)
        contrast = 1 + keras.random.uniform(shape, -self.softer, self.harder, seed=self._seeds)
        return ops.squeeze(ops.clip(contrast * images, 0, 1), -1)


def _sample(images: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Interpolate images bilinearly; they are 0 outside.

    Args:
        images: (n, 28, 28) float32.
        x, y: (n, 784) float32 coordinates, in pixels.

    Returns:
        (n, 28, 28) float32.
    """
    # A border of zeros makes coordinates outside the image valid.
    padded = ops.reshape(ops.pad(images, ((0, 0), (1, 1), (1, 1))), (-1, (SIDE + 2) ** 2))
    x, y = (ops.clip(place + 1, 0.0, SIDE + 0.999) for place in (x, y))
    left, top = ops.floor(x), ops.floor(y)
    right_share, bottom_share = x - left, y - top
    first = ops.cast(top * (SIDE + 2) + left, "int32")

    def pixel(offset: int) -> tf.Tensor:
        return ops.take_along_axis(padded, first + offset, axis=1)

    upper = pixel(0) * (1 - right_share) + pixel(1) * right_share
    lower = pixel(SIDE + 2) * (1 - right_share) + pixel(SIDE + 3) * right_share
    return ops.reshape(upper * (1 - bottom_share) + lower * bottom_share, (-1, SIDE, SIDE))
