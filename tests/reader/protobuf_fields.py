"""The fields of a Protocol Buffers message, read without its definition."""
import struct


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """Pairs of field number and value; raises IndexError or ValueError for what is no message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from('<Q', data, at)[0], at + 8
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
            if len(value) != size:
                raise ValueError('cut short')
        elif kind == 5:
            value, at = struct.unpack_from('<I', data, at)[0], at + 4
        else:
            raise ValueError('no such type')
        yield key >> 3, value


def numbers(data):
    return {number: value for number, value in fields(data)}
