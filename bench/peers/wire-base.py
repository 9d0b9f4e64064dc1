"""How small compressors make a file that resembles another one: wire-base.py METHOD BASE FILE ELEMENTS. Checks that the file comes back, prints JSON.

ELEMENTS is what zipnn is told: float32, bfloat16 or float16. `xor` is what zipnn's delta mode does to the bytes first, for equal lengths.
"""
import json
import sys


def zstd(base, data, _):
    import zstandard

    return zstandard.compress(data, 19), lambda packed: zstandard.decompress(packed)


def patch(base, data, _):
    """zstd -19 --long --patch-from: the base as a dictionary of raw content, in a window that holds both."""
    import zstandard

    dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    window = max(10, min(31, (len(base) + len(data)).bit_length()))
    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=window, enable_ldm=True)
    packed = zstandard.ZstdCompressor(dict_data=dictionary, compression_params=parameters).compress(data)
    return packed, lambda packed: zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=2**window).decompress(packed)


def xored(base, data):
    import numpy

    length = max(len(base), len(data))
    a, b = (numpy.frombuffer(each.ljust(length, b"\0"), numpy.uint8) for each in (base, data))
    return (a ^ b).tobytes()[: len(data)]


def xor_zstd(base, data, _):
    import zstandard

    return zstandard.compress(xored(base, data), 19), lambda packed: xored(base, zstandard.decompress(packed))


def zipnn(base, data, elements):
    from zipnn import ZipNN

    def codec():
        return ZipNN(bytearray_dtype=elements, threads=1, input_format="byte")

    packed = bytes(codec().compress(bytearray(xored(base, data))))
    return packed, lambda packed: xored(base, bytes(codec().decompress(packed)))


def bsdiff(base, data, _):
    import bsdiff4

    return bsdiff4.diff(base, data), lambda packed: bsdiff4.patch(base, packed)


def xdelta(base, data, _):
    import xdelta3

    return xdelta3.encode(base, data, xdelta3.Flags.COMPLEVEL_9), lambda packed: xdelta3.decode(base, packed)


METHODS = {"zstd -19": zstd, "zstd --patch-from": patch, "xor, zstd -19": xor_zstd, "zipnn delta": zipnn, "bsdiff": bsdiff, "xdelta3": xdelta}

method, base_path, path, elements = sys.argv[1:]
base, original = open(base_path, "rb").read(), open(path, "rb").read()
packed, restore = METHODS[method](base, original, elements)
print(json.dumps({"bytes": len(packed), "same": restore(packed) == original}))
