"""Threat: sizes at the edge of 32 bits, where a length or a pointer could wrap around."""

import pytest

EDGE = 2**31 - 1


@pytest.mark.parametrize(
    "code",
    [
        f"'a' * {EDGE}",
        f"'é' * {EDGE}",
        f"b'a' * {EDGE}",
        f"bytearray({EDGE})",
        f"[None] * {EDGE}",
        f"(None,) * {EDGE}",
        f"'a' * {2**32}",
        f"[0] * {2**30 - 1}",
        f"range({2**64})[{2**40}]",
        f"len(range({2**40}))",
        f"memoryview(bytearray(10)).cast('B', shape=[{2**31}])",
        f"'{{:{EDGE}}}'.format(1)",
        f"'%{EDGE}d' % 1",
        f"'x'.center({EDGE})",
        f"('x' * 10**5).replace('x', 'y' * {10**5})",
        "('x,' * 10**6).split(',') * 10**3",
        f"''.join(['x' * 10**6] * {2200})",
        f"'a'.encode('utf-8') * {EDGE}",
        "int('1' * 10**6) if not __import__('sys').set_int_max_str_digits(0) else 0",
        f"1 << {EDGE}",
        f"1 << {2**40}",
        "(1 << 10**8) * (1 << 10**8) * (1 << 10**8)",
        "3 ** (3 ** 25)",
        f"pow(7, {10**30}, 10**300_000 + 1)",
        "int.from_bytes(bytes(10**8)) + 1",
        "float('1' * 10**6)",
        f"import struct; struct.pack('{EDGE}s', b'')",
        f"import struct; struct.calcsize('{10**30}s')",
        f"import array; array.array('d', [0]) * {2**29}",
        f"import mmap; mmap.mmap(-1, {EDGE})",
        f"import io; io.BytesIO().truncate({EDGE}); io.BytesIO().seek({2**62})",
        f"open('f', 'wb').seek({2**63 - 1})",
        f"f = open('f', 'wb'); f.seek({2**63 - 1}); f.write(b'x'); f.flush()",
        f"import os; os.pread(os.open('/dev/null', 0), {EDGE}, {2**62})",
        f"import os; os.read(os.open('/dev/urandom', 0), {EDGE})",
        f"import os; os.urandom({EDGE})",
        f"import random; random.randbytes({EDGE})",
        f"import time; time.sleep({2**62})",
        f"import time; time.gmtime({2**55}); time.localtime(-{2**55})",
        f"import datetime; datetime.datetime.fromtimestamp({2**40})",
        f"import select; select.select([], [], [], {2**40})",
        f"import itertools; list(itertools.combinations(range({10**6}), 3))",
        f"import hashlib; hashlib.scrypt(b'x', salt=b'y', n=2**20, r=2**10, p=1, maxmem={EDGE})",
        f"import re; re.compile('a{{0,{2**32 - 2}}}'); re.compile('(a{{1000}}){{1000}}')",
        f"import sympy; sympy.Integer(2) ** {2**40}",
        f"import sympy; sympy.factorial({10**9})",
        f"import mpmath; mpmath.mp.dps = {10**9}; mpmath.pi + 1",
        "import gmpy2",
    ],
)
def test_sizes_at_the_edge_end_in_a_status(attack, code):
    attack(code, 1.0, hurts_itself=True)


def test_two_gigabytes_under_the_largest_cap(image, bystander):
    from mathforge import _native

    box = _native.Sandbox(str(image), memory_mib=4095, max_output_chars=1000)
    session = box.session()
    outcome = session.run(f"x = b'a' * {EDGE - 100}\nlen(x)", 30.0)
    assert outcome.status in {"ok", "memory", "timeout"}
    assert session.run("x = None; 1", 30.0).status in {"ok", "memory"}
    session.close()
    assert bystander.run("len(secret)", 10.0).stdout == "3\n"
