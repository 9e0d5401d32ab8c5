"""What a checkpoint may contain in addition to tensors: all that mmengine stores, and nothing by which a file could do harm.

With the classes and functions of numpy and mmengine themselves allow-listed, nearly all attempts got through. numpy 2.4 itself
refuses some that disagree with themselves, such as more numbers than bytes; there the replacements must not be laxer. The tests
need no more than mmengine, torch and numpy, to be run with any of their versions.
"""

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from imbdet import checkpoint_contents
from tests.pickle_programs import build, call, in_turn, name, new, raw, set_item, write_checkpoint

GETATTR, ARRAY, DTYPE = name('builtins.getattr'), name('numpy.ndarray'), name('numpy.dtype')
BUFFER = name('mmengine.logging.history_buffer.HistoryBuffer')
ONE_CYCLE = name('mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler')
MULTIARRAY = 'numpy._core.multiarray' if int(np.__version__[0]) > 1 else 'numpy.core.multiarray'
RECONSTRUCT, SCALAR = name(f'{MULTIARRAY}._reconstruct'), name(f'{MULTIARRAY}.scalar')
REBUILD = name('torch._tensor._rebuild_from_type_v2')  # torch's own: calls any function it is given, and sets attributes
STATISTICS = {key: getattr(HistoryBuffer, key) for key in ('min', 'max', 'current', 'mean')}


def dtype(kind='f8', *state):
    return build(call(DTYPE, kind, False, True), state or (3, '<', None, None, None, -1, -1, 0))


def filled(*state):
    return build(call(RECONSTRUCT, ARRAY, (0,), raw(b'b')), state)


def array(numbers=(1.0,), shape=None, kind=None):
    data = np.array(numbers, dtype='<f8').tobytes()
    return filled(1, (len(numbers),) if shape is None else shape, kind or dtype(), False, raw(data))


def buffer(**changes):
    state = {'max_length': 9, '_log_history': array(), '_count_history': array(),
             'statistics_methods': {'mean': call(GETATTR, BUFFER, 'mean')}, **changes}
    return build(new(BUFFER), {key: value for key, value in state.items() if value is not None})


def getattr_to_exec(marker):
    """The file of shared/cases: ``len`` becomes ``exec`` in a module whose function then calls it on a string of the file."""
    current = call(GETATTR, BUFFER, 'current')
    execute = call(GETATTR, call(GETATTR, GETATTR, '__self__'), 'exec')
    code = build(new(BUFFER), {'_log_history': f"open({str(marker)!r}, 'w')"})
    return in_turn(set_item(call(GETATTR, current, '__globals__'), 'len', execute), call(current, code))


def own_attributes_of(target):
    """Let torch set attributes of a class, by methods of HistoryBuffer alone: ``current`` returns any object of the file."""
    current = call(GETATTR, BUFFER, 'current')
    handle = build(new(BUFFER), {'_log_history': [build(new(BUFFER), {'as_subclass': current})]})
    return call(REBUILD, current, build(new(BUFFER), {'_log_history': [target]}), (handle,), {'of_a_file': 1})


ANY_MEMORY = {'version': 3, 'data': (16, False), 'shape': (0,), 'typestr': '|u1'}
MEMORY = build(call(name('collections.OrderedDict')), {'__array_interface__': ANY_MEMORY})
ANNEALED_OBJECTS = call(REBUILD, call(GETATTR, ONE_CYCLE, '_annealing_linear'), ARRAY, (MEMORY, array(), 1), None)
OBJECT = call(DTYPE, 'O', False, True)

ATTEMPTS = {
    'the globals of a function': (call(GETATTR, call(GETATTR, BUFFER, 'current'), '__globals__'), 'an attribute of an object'),
    'another method': (call(GETATTR, BUFFER, '__setstate__'), 'an attribute of an object'),
    'the class of a class': (call(GETATTR, BUFFER, '__class__'), 'an attribute of an object'),
    'the module of getattr': (call(GETATTR, GETATTR, '__self__'), 'an attribute of an object'),
    'a method of the scheduler': (call(GETATTR, ONE_CYCLE, '__init__'), 'an attribute of an object'),
    'a schedule of any objects': (ANNEALED_OBJECTS, 'else than numbers'),
    'a scheduler': (new(ONE_CYCLE), 'made of arguments'),
    'memory by an interface': (call(BUFFER, [build(new(BUFFER), {'__array_interface__': ANY_MEMORY})], [1]), 'HistoryBuffer'),
    'a HistoryBuffer made of arguments': (call(BUFFER, [1], [1]), 'made of arguments'),
    'an attribute': (buffer(as_subclass=1), 'unknown attributes'),
    'no values': (buffer(_log_history=None), 'unknown attributes'),
    'a state that is no dict': (build(new(BUFFER), call(name('collections.OrderedDict'))), 'unknown attributes'),
    'attributes of a class of torch': (own_attributes_of(name('torch.Tensor')), 'HistoryBuffer'),
    'attributes of HistoryBuffer': (own_attributes_of(BUFFER), 'HistoryBuffer'),
    'a length that is no number': (buffer(max_length='9'), 'not numpy arrays'),
    'values in a list': (buffer(_log_history=[1.0]), 'not numpy arrays'),
    'values in rows': (buffer(_log_history=array(shape=(1, 1))), 'other counts than values'),
    'too few counts': (buffer(_log_history=array((1.0, 2.0))), 'other counts than values'),
    'a statistic of another name': (buffer(statistics_methods={'mean': call(GETATTR, BUFFER, 'max')}), 'unknown statistic'),
    'a class for a statistic': (buffer(statistics_methods={'mean': BUFFER}), 'unknown statistic'),
    'a new statistic': (buffer(statistics_methods={'mine': ARRAY}), 'unknown statistic'),
    'statistics in a list': (buffer(statistics_methods=[]), 'unknown attributes'),
    'a HistoryBuffer built twice': (build(buffer(), {'as_subclass': 1}), 'an only build'),
    'memory that was not cleared': (call(ARRAY, (4,), call(DTYPE, 'f8', False, True)), 'made of arguments'),
    'memory that was not cleared, as new': (new(ARRAY, (4,)), 'made of arguments'),
    'objects at an address': (call(ARRAY, (0,), 'O', raw(bytes(8))), 'made of arguments'),
    'memory that was not cleared, by numpy': (call(RECONSTRUCT, ARRAY, (4,), 'f8'), 'unknown format'),
    'any amount of memory': (call(RECONSTRUCT, ARRAY, (2**20,), raw(b'b')), 'unknown format'),
    'an array of objects, by numpy': (call(RECONSTRUCT, ARRAY, (0,), 'O'), 'unknown format'),
    'another class for an array': (call(RECONSTRUCT, BUFFER, (0,), raw(b'b')), 'unknown format'),
    'an array filled twice': (build(array(), (1, (1,), dtype(), False, raw(bytes(8)))), 'filled twice'),  # a tensor may use it
    'an array of objects': (filled(1, (1,), OBJECT, False, [1]), 'dtype'),
    'more numbers than bytes': (array(shape=(2,)), 'wrong length'),
    'more numbers than an int64 counts': (array(shape=(2**32, 2**32 + 1)), 'wrong length'),
    'less than no numbers': (array(shape=(-1, -1)), 'unknown shape'),
    'a list of numbers': (filled(1, (1,), dtype(), False, [1.0]), 'wrong length'),
    'a shape that is no tuple': (array(shape=1), 'unknown format'),
    'a short state': (filled((1,), dtype(), False, raw(bytes(8))), 'unknown format'),
    'objects': (OBJECT, 'plain numbers'),
    'fields': (call(DTYPE, [('a', 'O'), ('b', 'i8')], False, True), 'plain numbers'),
    'numbers that are counted references': (dtype('f8', 3, '<', None, None, None, -1, -1, 63), 'plain numbers'),
    'numbers with fields': (dtype('f8', 3, '<', None, ('a',), {'a': (dtype(), 99)}, 8, 8, 0), 'plain numbers'),
    'numbers with parts': (dtype('f8', 3, '<', (dtype(), (2**30,)), None, None, 8, 8, 0), 'plain numbers'),
    'a dtype without a state': (array(kind=call(DTYPE, 'f8', False, True)), 'without a numpy dtype'),
    'an order of bytes that is none': (dtype('f8', 3, '<>', None, None, None, -1, -1, 0), 'plain numbers'),
    'an object as a number': (call(SCALAR, OBJECT, ARRAY), 'plain numbers'),
    'a number of too few bytes': (call(SCALAR, dtype(), raw(b'1')), 'wrong length'),
    'a number without a dtype': (call(SCALAR, 'f8', raw(bytes(8))), 'without a numpy dtype'),
}


@pytest.mark.parametrize('attempt', ATTEMPTS)
def test_nothing_else_is_read(attempt, tmp_path):
    program, message = ATTEMPTS[attempt]
    with pytest.raises(pickle.UnpicklingError, match=message):
        torch.load(write_checkpoint(tmp_path / 'evil.pth', program), weights_only=True)
    assert not hasattr(torch.Tensor, 'of_a_file')
    assert not hasattr(HistoryBuffer, 'of_a_file')
    assert HistoryBuffer._statistics_methods in ({}, STATISTICS)


def test_no_code_is_run(tmp_path):
    path = write_checkpoint(tmp_path / 'evil.pth', getattr_to_exec(tmp_path / 'run'))
    with pytest.raises(pickle.UnpicklingError, match='an attribute of an object'):
        torch.load(path, weights_only=True)
    assert not (tmp_path / 'run').exists()


def test_bytes_are_text_in_latin1():  # where torch has no function of its own for them, as 2.4 has not
    assert checkpoint_contents._encode('\xff', 'latin1') == b'\xff'
    for arguments in (('a', 'rot13'), (b'a', 'latin1')):
        with pytest.raises(pickle.UnpicklingError, match='another encoding'):
            checkpoint_contents._encode(*arguments)


def load(content, core='_core'):
    """Save as numpy 1 or numpy 2 does, and read."""
    file = io.BytesIO()
    torch.save(content, file)
    changed = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, 'w') as copy:
        for entry in old.namelist():
            data = old.read(entry)
            if entry.endswith('data.pkl'):
                data = data.replace(f'c{MULTIARRAY}\n'.encode(), f'cnumpy.{core}.multiarray\n'.encode())
            copy.writestr(entry, data)
    changed.seek(0)
    return torch.load(changed, weights_only=True)


@pytest.mark.parametrize('core', ['core', '_core'])
def test_a_history_buffer_is_the_one_that_was_saved(core):
    buffer = HistoryBuffer([1], [2], max_length=3)
    for value in (0.5, np.float64(2.0), 4, 5):
        buffer.update(value)
    (loaded, same), number = load([[buffer, buffer], np.float32(0.1)], core)
    assert type(loaded) is HistoryBuffer
    assert loaded is same
    assert set(vars(loaded)) == {'max_length', '_log_history', '_count_history'}
    for found, wanted in zip(loaded.data, buffer.data, strict=True):
        assert type(found) is np.ndarray
        assert found.dtype == wanted.dtype
        assert found.tolist() == wanted.tolist()
    loaded.update(9.0)
    assert loaded.statistics('current') == 9
    assert loaded.statistics('mean', 2) == 7
    assert (type(number), number) == (np.float32, np.float32(0.1))
    assert load(loaded).data[0].tolist() == loaded.data[0].tolist()


def test_arrays_and_numbers_of_other_places():
    arrays = [np.arange(6).reshape(2, 3).astype(order + kind) for kind in ('i1', 'u2', 'i4', 'f2', 'f8') for order in '<>']
    arrays += [np.asfortranarray(arrays[0]), np.array(True), np.arange(10000.0)]
    by_numpy = torch.load(_saved(arrays), weights_only=False)
    loaded = load(arrays)
    again = torch.load(_saved(loaded), weights_only=False)  # as any program would read what is saved of them
    for found, resaved, wanted in zip(loaded, again, by_numpy, strict=True):
        assert isinstance(found, np.ndarray)
        for array in (found, resaved):
            assert (array.dtype, array.flags.f_contiguous) == (wanted.dtype, wanted.flags.f_contiguous)
            assert np.array_equal(array, wanted)
    assert {type(found) for found in again} == {np.ndarray}
    numbers = [np.bool_(True), np.int64(-3), np.uint8(200), np.float16(0.1), np.float64(0.1)]
    assert [(type(found), found) for found in load(numbers)] == [(type(number), number) for number in numbers]


def _saved(content):
    file = io.BytesIO()
    torch.save(content, file)
    file.seek(0)
    return file


def test_one_s_own_statistic(monkeypatch):
    monkeypatch.setattr(HistoryBuffer, '_statistics_methods', {})
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    HistoryBuffer.register_statistics(median)
    torch.serialization.add_safe_globals([median])
    assert load(buffer).statistics('median') == 1.5
    content = _saved(buffer)
    del HistoryBuffer._statistics_methods['median']
    with pytest.raises(pickle.UnpicklingError, match='unknown statistic'):
        torch.load(content, weights_only=True)


def median(buffer):
    return np.median(buffer.data[0])


@pytest.mark.parametrize('strategy', ['cos', 'linear'])
def test_one_cycle_schedule(strategy):
    from mmengine.optim import OneCycleLR

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = OneCycleLR(optimizer, eta_max=1.0, total_steps=9, anneal_strategy=strategy)
    loaded = load(schedule.state_dict())
    anneal = loaded.pop('anneal_func')
    assert {**loaded, 'anneal_func': schedule.anneal_func} == schedule.state_dict()
    assert anneal(0.1, 1.0, 0.3) == schedule.anneal_func(0.1, 1.0, 0.3)
    assert torch.load(_saved(anneal), weights_only=False) is schedule.anneal_func
