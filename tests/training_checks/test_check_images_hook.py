"""Images of every kind in trainings of a plain config with RepeatFactorSampler (fault 18)."""

import json
import logging
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.runner import Runner
from PIL import Image

from imbdet.cli.errors import RUN_ERROR, one_line_errors
from imbdet.data import ImageReader
from imbdet.data.image_header import EXIF_ORIENTATION
from imbdet.training_checks import CheckImagesHook
from imbdet.training_checks.image_faults import ListedImage, faults_of, other_size, unreadable

from ..mipa.pairs_of_images import paired_dataset, write_pairs
from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, training_config, write_training_set
from ..two_ranks import join_ranks, run_two_ranks
from .broken_images import BROKEN, ODD, put_image

HOOK = dict(type='CheckImagesHook')


@pytest.fixture
def folder(tmp_path):
    write_training_set(tmp_path)
    return tmp_path


def image(folder, number):
    return folder / f'images/{number}.png'


def repeat_factors(config):
    """Let a training configuration sample by repeat factors; none is above 1."""
    config.train_dataloader.sampler = dict(type='RepeatFactorSampler', threshold=1e-3)
    return config


def train(folder, *hooks, **loading):
    """Train on as many images as there are; return how often each came."""
    config = repeat_factors(training_config(folder, tiny_detector('retinanet'), hooks))
    config.train_dataloader.dataset.pipeline[0].update(loading)
    runner = make_runner(folder, config.model, hooks, max_iters=4, train_dataloader=config.train_dataloader)
    came = Counter()
    runner.model.register_forward_pre_hook(
        lambda model, inputs, keywords: came.update(sample.img_id for sample in keywords['data_samples']), with_kwargs=True)
    runner.train()
    return came


@pytest.mark.parametrize('kind', BROKEN)
def test_broken_files(tmp_path, kind):
    path = tmp_path / '1.jpg'
    path.touch()
    put_image(path, kind)
    said = unreadable(ListedImage(str(path), None, ImageReader()))
    assert said.startswith('FileNotFoundError: ' if kind == 'missing' else ('ValueError: cannot be decoded', 'OSError: '))
    assert str(path) not in said


@pytest.mark.parametrize('kind', ['sound', *ODD])
def test_odd_files_are_whole(tmp_path, kind):
    path = tmp_path / '1.jpg'
    path.touch()
    put_image(path, kind)
    assert list(faults_of(ListedImage(str(path), (128, 96), ImageReader()))) == []


def test_what_only_pillow_refuses(tmp_path):  # fault 30
    """An image of more pixels than Pillow opens, which OpenCV decodes."""
    path = tmp_path / '1.png'
    Image.fromarray(np.zeros((96, 128), np.uint8)).save(path)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, 100
    try:
        with pytest.raises(Image.DecompressionBombError):
            Image.open(path)
        assert list(faults_of(ListedImage(str(path), (128, 96), ImageReader()))) == []
        refused = ListedImage(str(path), (128, 96), ImageReader(imdecode_backend='pillow'))
        assert [kind for kind, _ in faults_of(refused)] == ['unreadable']
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def test_images_of_another_size_than_their_annotations(folder):  # fault 31
    """Resized ones, and those that an EXIF orientation turns; a training does not start from them."""
    pixels = Image.open(image(folder, 2))
    pixels.resize((60, 40)).save(image(folder, 2))
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    pixels.crop((0, 0, 100, 50)).save(image(folder, 5), format='JPEG', exif=exif)
    content = json.loads((folder / 'train.json').read_text())
    content['images'][5].update(width=100, height=50)
    (folder / 'train.json').write_text(json.dumps(content))
    width, height = pixels.size
    with pytest.raises(ValueError, match='2 of 8 training images have another size than their annotations') as error:
        train(folder, HOOK)
    assert f'2.png (60 x 40, in the annotations {width} x {height})' in str(error.value)
    assert '5.png (50 x 100, in the annotations 100 x 50: turned by EXIF orientation 6)' in str(error.value)
    stored = ListedImage(str(image(folder, 5)), (100, 50), ImageReader('color_ignore_orientation'))
    assert other_size(stored) is None


def test_a_training_with_broken_images_does_not_start(folder):
    for number, kind in enumerate(BROKEN):
        put_image(image(folder, number), kind)
    with pytest.raises(OSError, match='5 of 8 training images cannot be read: .* remove the images from') as error:
        train(folder, HOOK)
    for number in range(8):
        assert (str(image(folder, number)) in str(error.value)) == (number < len(BROKEN))
    assert '4.png (FileNotFoundError: [Errno 2] No such file or directory)' in str(error.value)


def test_many_broken_images(folder):
    """Ten are named in the error, all of them in the log."""
    write_training_set(folder, num_images=12)
    for number in range(12):
        put_image(image(folder, number), 'empty')
    with pytest.raises(OSError, match='12 of 12 .*; and 2 more, see the log') as error:
        train(folder, HOOK)
    assert str(error.value).count('cannot be decoded by cv2') == 10
    logs = [path.read_text() for path in (folder / 'work').glob('*/*.log')]
    assert all(str(image(folder, number)) in logs[-1] for number in range(12))


def test_odd_images_train(folder):
    for number, kind in enumerate(ODD):
        put_image(image(folder, number), kind)
    assert train(folder, HOOK) == Counter(range(8))


def test_pairs_and_joined_sets(tmp_path):
    """Both images of a pair are read, those of every set that is joined, and each file once."""
    write_pairs(tmp_path)
    put_image(tmp_path / 'infrared/3.png', 'truncated png')
    runner = make_runner(tmp_path, tiny_detector('retinanet'), [HOOK], train_dataloader=dict(
        batch_size=2, num_workers=0, sampler=dict(type='RepeatFactorSampler', threshold=1e-3),
        dataset=dict(type='ConcatDataset', datasets=[paired_dataset(tmp_path), paired_dataset(tmp_path, modality='rgb')])))
    with pytest.raises(OSError, match=r'1 of 12 training images cannot be read: .*infrared/3.png \(ValueError: cannot be '
                                      r'decoded by pillow \(OSError: .*truncated'):
        runner.train()


def check_on_rank(rank, folder, config):
    join_ranks(rank, folder)
    runner = SimpleNamespace(train_dataloader=SimpleNamespace(dataset=DATASETS.build(config)))
    with pytest.raises(OSError, match='training images cannot be read') as error:
        CheckImagesHook().before_train(runner)
    (folder / f'{rank}.txt').write_text(str(error.value))


def test_both_ranks_end(folder):
    """Also the one that finds nothing in its share, which would wait for the other for ever."""
    put_image(image(folder, 3), 'empty')
    dataset = dict(training_config(folder, {}).train_dataloader.dataset, pipeline=[])
    run_two_ranks(check_on_rank, folder, dataset)
    said = [(folder / f'{rank}.txt').read_text() for rank in range(2)]
    assert said[0] == said[1]
    assert said[0].startswith(f'1 of 8 training images cannot be read: {image(folder, 3)} (')


@pytest.mark.parametrize('kind', BROKEN)
def test_without_the_hook(folder, kind, capsys):
    """What mmdet makes of a broken file: an error when its turn comes; an empty one is not named."""
    put_image(image(folder, 5), kind)
    loader = repeat_factors(training_config(folder, {})).train_dataloader

    def read():
        return list(Runner.build_dataloader(loader, seed=0))

    with pytest.raises(SystemExit), one_line_errors(verbose=False, code=RUN_ERROR):
        read()
    line = capsys.readouterr().err.splitlines()[-1]
    assert ('add CheckImagesHook to custom_hooks to find it' if kind == 'empty' else str(image(folder, 5))) in line
    assert 'Traceback' not in line


def test_ignored_images_are_replaced_and_that_is_told(folder, caplog):
    """mmengine takes an image at random in the place of one that mmcv was told to leave out."""
    put_image(image(folder, 5), 'empty')
    with caplog.at_level(logging.WARNING, logger='mmengine'):
        logger = logging.getLogger('mmengine')
        logger.addHandler(caplog.handler)
        came = train(folder, ignore_empty=True)
        logger.removeHandler(caplog.handler)
    assert came[5] == 0
    assert came.total() == 8
    assert np.max(list(came.values())) == 2
    logs = ''.join(path.read_text() for path in (folder / 'work').glob('*/*.log'))
    assert 'unreadable images are replaced with random ones' in logs
    with pytest.raises(OSError, match='1 of 8 training images cannot be read: .*5.png'):
        train(folder, HOOK, ignore_empty=True)
