"""Pickle programs for torch's unpickler, written by hand: what a hostile checkpoint holds."""

import struct
import zipfile


class Program(bytes):
    """Opcodes that leave one object on the stack."""


def name(path):
    """The object that a file names as module and attribute."""
    module, _, attribute = path.rpartition('.')
    return Program(f'c{module}\n{attribute}\n'.encode())


def call(function, *arguments):
    return Program(function + push(arguments) + b'R')


def new(cls, *arguments):
    return Program(cls + push(arguments) + b'\x81')


def build(instance, state):
    return Program(instance + push(state) + b'b')


def raw(data):
    """Bytes, as pickle's protocol 2 stores them."""
    return call(name('_codecs.encode'), data.decode('latin1'), 'latin1')


def set_item(mapping, key, value):
    return Program(mapping + push(key) + push(value) + b's')


def in_turn(*programs):
    """Run all, and leave a tuple of what they leave."""
    return Program(push(programs))


def push(value):
    """The opcodes that put a value on the stack; a program among them is run."""
    if isinstance(value, Program):
        return value
    if value is None or isinstance(value, bool):
        return {None: b'N', True: b'\x88', False: b'\x89'}[value]
    if isinstance(value, str):
        return b'X' + struct.pack('<I', len(value.encode())) + value.encode()
    if isinstance(value, int):
        size = value.bit_length() // 8 + 1
        return b'\x8a' + bytes([size]) + value.to_bytes(size, 'little', signed=True)
    if isinstance(value, float):
        return b'G' + struct.pack('>d', value)
    if isinstance(value, dict):
        return b'}(' + b''.join(push(key) + push(item) for key, item in value.items()) + b'u'
    start, end = (b'(', b't') if isinstance(value, tuple) else (b'](', b'e')
    return start + b''.join(map(push, value)) + end


def write_checkpoint(path, program):
    """Write the file that torch.load takes for one of torch.save."""
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_STORED) as file:
        file.writestr('archive/data.pkl', b'\x80\x02' + push(program) + b'.')
        file.writestr('archive/version', '3\n')
        file.writestr('archive/byteorder', 'little')
    return path
