"""onnxruntime's own quantizers, as a script: quantize.py IN OUT BITS BLOCK SYMMETRIC. Prints seconds and peak memory of this process as JSON.

4 bits: MatMulNBitsQuantizer on MatMul and Gather, round to nearest. 8 bits: quantize_dynamic per channel.
"""
import json
import resource
import sys
import time

start = time.perf_counter()
source, target, bits, block, symmetric = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "true"
import logging

logging.disable(logging.CRITICAL)
if bits == 8 and block == 0:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8 if symmetric else QuantType.QUInt8)
else:
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    config = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=symmetric, bits=bits, op_types_to_quantize=("MatMul", "Gather"))
    quantizer = MatMulNBitsQuantizer(onnx.load(source), algo_config=config)
    quantizer.process()
    quantizer.model.save_model_to_file(target, False)
print(json.dumps({"seconds": time.perf_counter() - start, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
