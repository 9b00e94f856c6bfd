import json

import pytest

SCRIPT = """
import json, sys
from mnistdash.training import loop
imported = [name for name in ("pandas", "sklearn") if name in sys.modules]
from mnistdash.data.sample import load_sample
print(json.dumps([imported, len(load_sample().train)]))
"""


@pytest.mark.slow
def test_keras_is_imported_without_packages_that_can_still_be_imported_later(output_of):
    """Importing pandas and scikit-learn takes a second and 110 MB; the sample needs scikit-learn."""
    assert json.loads(output_of(SCRIPT).splitlines()[-1]) == [[], 1297]
