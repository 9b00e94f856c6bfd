import json
import sys

import numpy as np
from keras import ops

from mnistdash.runs.recipes import RECIPES
from mnistdash.training import memory, networks

SMAPS = """\
{start:x}-{end:x} {permissions} 00000000 fe:00 {inode}                     /usr/lib/it.so
Size:               8000 kB
Rss:                {rss} kB
Shared_Clean:          0 kB
Shared_Dirty:          0 kB
Private_Clean:      2000 kB
Private_Dirty:      {dirty} kB
Anonymous:          {dirty} kB
Swap:               {swap} kB
VmFlags: rd ex mr mw me
"""


def mapping(start: int, **changes) -> str:
    values = {"permissions": "r-xp", "inode": 42, "rss": 2000, "dirty": 0, "swap": 0} | changes
    return SMAPS.format(start=start, end=start + 0x1000, **values)


def test_only_pages_that_a_file_holds_as_well_are_given_back():
    changed = [{"permissions": "rw-p"}, {"dirty": 4}, {"swap": 4}, {"inode": 0}]
    text = "".join(mapping(0x10000 * (k + 1), **change) for k, change in enumerate(changed))
    assert memory.unchanged_files(text) == []
    assert memory.unchanged_files(text + mapping(0xABC000) + mapping(0xDEF000, rss=20)) == [(0xABC000, 0x1000)]


def test_a_kernel_that_does_not_say_what_was_changed_is_given_nothing():
    text = "".join(line for line in mapping(0x1000).splitlines(keepends=True) if not line.startswith("Swap"))
    assert memory.unchanged_files(text) == []


def test_everything_works_as_before_afterwards():
    network = networks.build(RECIPES["express"])
    images = np.random.default_rng(0).random((3, 28, 28), np.float32)
    before = ops.convert_to_numpy(network(images))
    memory.release_memory()
    assert np.array_equal(ops.convert_to_numpy(network(images)), before)


def test_where_nothing_is_known_of_mappings_nothing_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "MAPPINGS", tmp_path / "none")
    memory.release_memory()
    monkeypatch.setattr(sys, "platform", "win32")
    memory.release_memory()


def test_keras_comes_without_pandas_and_scikit_learn_which_can_still_be_imported(output_of):
    script = (
        "import json, sys\n"
        "from mnistdash.training import loop\n"
        "there = [name for name in ('pandas', 'sklearn') if name in sys.modules]\n"
        "from mnistdash.data.sample import load_sample\n"
        "print(json.dumps([there, len(load_sample().train)]))"
    )
    assert json.loads(output_of(script).splitlines()[-1]) == [[], 1297]
