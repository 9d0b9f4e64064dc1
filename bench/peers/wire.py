"""How small compressors make a file: wire.py METHOD FILE ELEMENTS OUT. Writes OUT where it is a plain stream, checks that the file comes back, prints JSON.

A process for each, for some of them end it. ELEMENTS is what zipnn is told: float32, bfloat16 or float16.
"""
import json
import lzma
import os
import subprocess
import sys
import tempfile


def zstd(data, _):
    import zstandard

    return zstandard.compress(data, 19), zstandard.decompress


def xz(data, _):
    return lzma.compress(data, preset=9), lzma.decompress


def brotli(data, _):
    import brotli

    return brotli.compress(data, quality=11, lgwin=24), brotli.decompress


def zipnn(data, elements):
    from zipnn import ZipNN

    def codec():
        return ZipNN(bytearray_dtype=elements, threads=1, input_format="byte")

    # it turns the bits of what it is given where they lie
    return bytes(codec().compress(bytes(bytearray(data)))), lambda packed: bytes(codec().decompress(packed))


def lmzip(data, _):
    folder = tempfile.mkdtemp()
    source, target, back = (os.path.join(folder, name) for name in ("file", "file.lmz", "back"))
    open(source, "wb").write(data)
    lmz = os.path.join(os.path.dirname(sys.executable), "lmz")
    subprocess.run([lmz, "compress", source, target, "-j", "1", "-q"], check=True, stdout=subprocess.DEVNULL)

    def restore(_):
        subprocess.run([lmz, "decompress", target, back, "-q"], check=True, stdout=subprocess.DEVNULL)
        found = os.path.join(back, "file") if os.path.isdir(back) else back
        return open(found, "rb").read()

    return open(target, "rb").read(), restore


METHODS = {"zstd -19": zstd, "xz -9": xz, "brotli -11": brotli, "zipnn": zipnn, "lmzip": lmzip}

method, path, elements, out = sys.argv[1:]
original = open(path, "rb").read()
packed, restore = METHODS[method](original, elements)
open(out, "wb").write(packed)
print(json.dumps({"bytes": len(packed), "same": restore(packed) == original}))
