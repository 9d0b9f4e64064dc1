"""What Python tools make of a model: compress.py METHOD IN OUT [CALIBRATION]. Prints seconds, peak memory and what happened as JSON.

CALIBRATION is a folder with feeds.bin and feeds.json. Each tool is used as its documentation shows it; where it fails on the model as it comes, it
gets another chance after onnxruntime's own preprocessing, and `note` says so.
"""
import json
import logging
import os
import resource
import sys
import tempfile
import time

import numpy
import onnx
import onnxruntime

logging.disable(logging.CRITICAL)
onnxruntime.set_default_logger_severity(4)


def preprocessed(source):
    from onnxruntime.quantization.shape_inference import quant_pre_process

    target = os.path.join(tempfile.mkdtemp(), "preprocessed.onnx")
    try:
        quant_pre_process(source, target)
    except Exception:
        quant_pre_process(source, target, skip_symbolic_shape=True)
    return target


def dynamic(source, target, _):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8)


def static(source, target, calibration):
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self):
            values = open(os.path.join(calibration, "feeds.bin"), "rb").read()
            types = {"float32": numpy.float32, "int64": numpy.int64}

            def read(entry):
                part = values[entry["offset"] : entry["offset"] + entry["length"]]
                return numpy.frombuffer(part, types[entry["type"]]).reshape(entry["dims"])

            samples = json.load(open(os.path.join(calibration, "feeds.json")))
            self.left = iter([{name: read(entry) for name, entry in sample.items()} for sample in samples])

        def get_next(self):
            return next(self.left, None)

    quantize_static(
        source,
        target,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )


def four_bits(source, target, _):
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    config = DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=False, bits=4, op_types_to_quantize=("MatMul", "Gather"))
    quantizer = MatMulNBitsQuantizer(onnx.load(source), algo_config=config)
    quantizer.process()
    quantizer.model.save_model_to_file(target, False)


def nncf_bits(mode):
    def compress(source, target, _):
        import nncf

        onnx.save(nncf.compress_weights(onnx.load(source), mode=getattr(nncf.CompressWeightsMode, mode)), target)

    return compress


def fp16(source, target, _):
    from onnxconverter_common import float16

    onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def fp16_of_onnxruntime(source, target, _):
    from onnxruntime.transformers import float16

    onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


# A file that is larger than this part of the original is not worth its name.
LEAST_GAIN = 0.97
MOST_WORDS = 160
AFTER_PREPROCESSING = ("dynamic-int8", "4-bit", "nncf-int8", "nncf-int4")
METHODS = {
    "dynamic-int8": dynamic,
    "static-int8": static,
    "4-bit": four_bits,
    "nncf-int8": nncf_bits("INT8_ASYM"),
    "nncf-int4": nncf_bits("INT4_ASYM"),
    "fp16": fp16,
    "fp16-onnxruntime": fp16_of_onnxruntime,
}


def attempt(method, source, target, calibration):
    """What went wrong, in one line, or nothing."""
    try:
        METHODS[method](source, target, calibration)
        onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
        return None
    except BaseException as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        # What onnxruntime complains of stands at the end of a long line.
        words = line if len(line) <= MOST_WORDS else "..." + line[-MOST_WORDS:]
        return ("does not load: " if os.path.exists(target) else "") + words


def compress(method, source, target, calibration):
    """Once as it comes (static: preprocessed, as its documentation wants it), and again after preprocessing where that gave nothing."""
    if method == "static-int8":
        problem = attempt(method, preprocessed(source), target, calibration)
        return {"problem": problem} if problem else {}
    problem = attempt(method, source, target, calibration)
    if method not in AFTER_PREPROCESSING or not (problem or os.path.getsize(target) > LEAST_GAIN * os.path.getsize(source)):
        return {"problem": problem} if problem else {}
    first = problem or "next to nothing smaller"
    again = target + ".again"
    second = attempt(method, preprocessed(source), again, calibration)
    if not second and (problem or os.path.getsize(again) < os.path.getsize(target)):
        os.replace(again, target)
        return {"note": "after preprocessing; as it comes: " + first}
    if os.path.exists(again):
        os.remove(again)
    return {"problem": problem, "note": "after preprocessing: " + second} if problem else {}


method, source, target = sys.argv[1:4]
start = time.perf_counter()
result = compress(method, source, target, sys.argv[4] if len(sys.argv) > 4 else None)
result["seconds"] = time.perf_counter() - start
result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(result))
