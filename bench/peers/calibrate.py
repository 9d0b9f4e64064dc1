"""onnxruntime's calibrators, one batch at a time, when asked.

Usage: calibrate.py METHOD MODEL FEEDS AUGMENTED THREADS
METHOD is minmax, entropy or percentile; FEEDS a folder with feeds.bin and feeds.json; the model that also gives activations is written to AUGMENTED.
Answers every line with one of JSON, {"ms": ...}: the first is setting up, those that follow a batch each, "end" the rest; then also ranges and memory.
"""

import json
import os
import resource
import sys
import time

import numpy as np
import onnxruntime
from onnxruntime.quantization import calibrate

method, model, folder, augmented, threads = sys.argv[1:]
METHODS = {
    "minmax": calibrate.CalibrationMethod.MinMax,
    "entropy": calibrate.CalibrationMethod.Entropy,
    "percentile": calibrate.CalibrationMethod.Percentile,
}


class Session(onnxruntime.InferenceSession):
    """On as many threads as asked for; calibrators leave that to the default."""

    def __init__(self, path, sess_options=None, **more):
        options = sess_options or onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(threads)
        super().__init__(path, sess_options=options, **more)


calibrate.onnxruntime.InferenceSession = Session


replies, sys.stdout = sys.stdout, sys.stderr  # calibrators print


def answer(**values):
    print(json.dumps(values), file=replies, flush=True)


def batches():
    values = open(os.path.join(folder, "feeds.bin"), "rb").read()
    for feeds in json.load(open(os.path.join(folder, "feeds.json"))):
        yield {
            name: np.frombuffer(values, each["type"], each["length"] // np.dtype(each["type"]).itemsize, each["offset"]).reshape(each["dims"])
            for name, each in feeds.items()
        }


class Reader(calibrate.CalibrationDataReader):
    def __init__(self):
        self.batches = batches()
        self.start = None

    def get_next(self):
        if self.start is not None:
            answer(ms=(time.perf_counter() - self.start) * 1e3)
        asked = sys.stdin.readline().strip()
        batch = None if asked == "end" else next(self.batches)
        self.start = time.perf_counter()
        return batch


sys.stdin.readline()
start = time.perf_counter()
calibrator = calibrate.create_calibrator(model, ["MatMul"], augmented, METHODS[method])
answer(ms=(time.perf_counter() - start) * 1e3)

reader = Reader()
calibrator.collect_data(reader)
data = calibrator.compute_data()
ranges = {name: [float(np.ravel(v)[0]) for v in each.range_value] for name, each in data.items()}
answer(
    ms=(time.perf_counter() - reader.start) * 1e3,
    ranges=ranges,
    memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    versions={"python": sys.version.split()[0], "onnxruntime (Python)": onnxruntime.__version__, "numpy": np.__version__},
)
