"""TensorFlow on one thread and with one order of sums, so that equal inputs give equal bits."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def import_tensorflow() -> Any:
    """Import TensorFlow, set up before it starts; a second call in one process returns the same module."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _without_start_messages():
        import tensorflow  # start-up: seconds to import; and the environment must be set first

    # Setting the same value again is allowed; changing it after the first tensor is not.
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    tensorflow.config.experimental.enable_op_determinism()
    return tensorflow


@contextmanager
def _without_start_messages() -> Iterator[None]:
    """Keep the start messages of TensorFlow's C++ part, about GPUs and the like, off stderr, unless it fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
