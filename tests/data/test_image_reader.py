"""The reader against mmcv's LoadImageFromFile, and its sizes against decoded pixels."""

import io

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmdet.registry import DATASETS
from PIL import Image

from imbdet.data import ImageReader, image_size, pipeline_reader
from imbdet.data.image_header import EXIF_ORIENTATION, image_header, orientation

from ..tiny_training import training_config, write_training_set
from ..training_checks.broken_images import ODD, put_image

FORMATS = ('JPEG', 'PNG', 'TIFF', 'WEBP', 'BMP')
SETTINGS = [dict(color_type=color_type, imdecode_backend=backend)
            for color_type in ('color', 'grayscale', 'unchanged', 'color_ignore_orientation') for backend in ('cv2', 'pillow')]


def write(path, image_format='PNG', turn=None, size=(128, 96)):
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    exif = Image.Exif()
    if turn is not None:
        exif[EXIF_ORIENTATION] = turn
    Image.fromarray(pixels).save(path, image_format, **({} if image_format == 'BMP' else {'exif': exif}))
    return path


@pytest.mark.parametrize('settings', SETTINGS)
@pytest.mark.parametrize('turn', [None, 1, 6, 3])
@pytest.mark.parametrize('image_format', FORMATS)
def test_pixels_and_size_are_the_pipeline_s(tmp_path, image_format, turn, settings):  # fault 31
    path = write(tmp_path / 'image', image_format, turn)
    reader = pipeline_reader(type('Data', (), {'pipeline': [LoadImageFromFile(**settings)]}))
    assert reader == ImageReader(**settings)
    loaded = LoadImageFromFile(**settings).transform({'img_path': str(path)})
    np.testing.assert_array_equal(reader.read(path), loaded['img'])
    assert reader.size(path) == loaded['ori_shape'][::-1]


@pytest.mark.parametrize('image_format', ['JPEG', 'TIFF'])
@pytest.mark.parametrize('turn', range(1, 9))
def test_every_orientation_of_photographs(tmp_path, turn, image_format):  # fault 31
    path = write(tmp_path / 'photo', image_format, turn)
    height, width = LoadImageFromFile().transform({'img_path': str(path)})['ori_shape']
    assert image_size(path) == image_header(path).shown_size == (width, height)
    assert orientation(path) == turn
    assert image_header(path)[:2] == (128, 96)


@pytest.mark.parametrize('kind', ODD)
@pytest.mark.parametrize('settings', SETTINGS)
def test_odd_images_in_color(tmp_path, kind, settings):
    path = tmp_path / 'image'
    path.touch()
    put_image(path, kind)
    pixels = ImageReader(**settings).read_rgb(path)
    assert (pixels.shape, pixels.dtype) == ((96, 128, 3), np.uint8)


def test_colors_are_in_order(tmp_path):
    path = write(tmp_path / 'image.png')
    np.testing.assert_array_equal(ImageReader().read_rgb(path), np.asarray(Image.open(path)))


def test_files_that_are_no_images(tmp_path):
    (tmp_path / 'text').write_text('no image')
    with pytest.raises(ValueError, match=r'text cannot be decoded by cv2$'):
        ImageReader().size(tmp_path / 'text')
    with pytest.raises(ValueError, match=r'text cannot be decoded by pillow \(UnidentifiedImageError'):
        ImageReader(imdecode_backend='pillow').read(tmp_path / 'text')
    with pytest.raises(ValueError, match='text is not a readable image'):
        image_header(tmp_path / 'text')
    assert orientation(tmp_path / 'text') == 1
    for read in (ImageReader().size, ImageReader().read, image_header):
        with pytest.raises(FileNotFoundError, match='none'):
            read(tmp_path / 'none')


def test_a_header_that_pillow_refuses_is_decoded(tmp_path, monkeypatch):
    path = write(tmp_path / 'image.png')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(path.read_bytes()))
    assert image_size(path) == (128, 96)


def test_the_reader_of_a_data_set(tmp_path):
    write_training_set(tmp_path)
    config = training_config(tmp_path, {}).train_dataloader.dataset
    config.pipeline[0].update(imdecode_backend='pillow', color_type='unchanged')
    assert pipeline_reader(DATASETS.build(config)) == ImageReader('unchanged', 'pillow')
    assert pipeline_reader(DATASETS.build({**config, 'pipeline': []})) == ImageReader()
