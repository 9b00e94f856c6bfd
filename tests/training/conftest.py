from collections.abc import Callable
from functools import cache

import keras
import pytest

from mnistdash.runs.recipes import RECIPES
from mnistdash.training import networks


@pytest.fixture(scope="session")
def built() -> Callable[..., keras.Model]:
    """Return a function that builds each network once: built("flagship", "bfloat16").

    Tests restore weights that they change.
    """
    return cache(lambda recipe, precision="float32": networks.build(RECIPES[recipe], precision))
