import json
import threading

from mnistdash.system import malloc

SMALL_BLOCKS = """
import psutil
from mnistdash.system import malloc
size = lambda: psutil.Process().memory_info().rss
blocks = [bytes(3_000) for _ in range(60_000)]
kept = blocks[::1000]
full = size()
del blocks
malloc.trim_memory()
print(full - size())
"""

LARGE_BLOCK = """
import threading
import numpy as np, psutil
from mnistdash.system import malloc
malloc.limit_malloc_arenas()
size = lambda: psutil.Process().memory_info().rss
def work():
    for _ in range(3):
        np.ones(14_000_000, np.uint8)
before, thread = size(), threading.Thread(target=work)
thread.start()
thread.join()
malloc.trim_memory()
print(size() - before)
"""

LIBRARY_PAGES = """
import json
import numpy as np, psutil
from mnistdash.system import malloc
matrix = np.random.default_rng(0).random((200, 200))
size = lambda: psutil.Process().memory_info().rss
before, product = size(), matrix @ matrix
malloc.release_library_pages()
print(json.dumps([before - size(), bool(np.array_equal(matrix @ matrix, product))]))
"""


def test_freed_memory_is_returned_despite_fragmentation(output_of):
    """Keep every thousandth of many small blocks."""
    assert int(output_of(SMALL_BLOCKS)) > 100_000_000


def test_a_large_block_that_a_thread_freed_is_returned(output_of):
    """Otherwise the process keeps the memory of its largest block."""
    assert int(output_of(LARGE_BLOCK)) < 3_000_000


def test_libraries_work_after_their_pages_were_released(output_of):
    released, is_same = json.loads(output_of(LIBRARY_PAGES))
    assert released > 1_000_000
    assert is_same


def test_periodic_trimming_uses_one_thread():
    before = threading.active_count()
    for _ in range(3):
        malloc.trim_memory_periodically(3600.0)
    assert threading.active_count() == before + 1
