"""Which processes are forked as they are."""

import subprocess
import sys

import pytest

FREE = "import numpy, scipy.linalg, pyarrow, sklearn"


@pytest.mark.parametrize(
    ("before", "may"),
    [
        (FREE, True),
        (f"{FREE}, threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", False),
        # A thread that Python does not know of.
        (
            f"{FREE}, ctypes; handle = ctypes.c_ulong(); libc = ctypes.CDLL(None); "
            "libc.pthread_create(ctypes.byref(handle), None, ctypes.cast(libc.pause, ctypes.c_void_p), None)",
            False,
        ),
    ],
    ids=["pools", "thread", "native thread"],
)
def test_a_process_is_forked_where_no_thread_is_lost_by_it(before, may):
    code = f"{before}; from hone.worker.forking import may_fork; print(may_fork())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == [str(may)]
