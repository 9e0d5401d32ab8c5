"""Small YOLO and VOC folders."""

import numpy as np
from PIL import Image

SIZES = {'a': (64, 48), 'b': (40, 80), 'c': (33, 57), 'd': (20, 20)}


def write_image(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8)).save(path)


def write_text(path, text, encoding='utf-8'):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)


def size_of(path):
    """An image's size by another way than imbdet's reader."""
    with Image.open(path) as image:
        return image.size


def write_yolo(folder, labels, names=('cat', 'dog'), suffix='.png', part='train'):
    """Images of ``SIZES`` with these lines, by name; None for no label file. Returns data.yaml."""
    for name, text in labels.items():
        write_image(folder / 'images' / part / f'{name}{suffix}', SIZES[name])
        if text is not None:
            write_text(folder / 'labels' / part / f'{name}.txt', text)
    lines = [f'  {number}: {name}' for number, name in enumerate(names)]
    write_text(folder / 'data.yaml', '\n'.join([f'train: images/{part}', 'names:', *lines]))
    return folder / 'data.yaml'


def voc_object(name, corners, extra=''):
    box = ''.join(f'<{key}>{value}</{key}>' for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), corners, strict=True))
    return f'<object><name>{name}</name>{extra}<bndbox>{box}</bndbox></object>'


def write_voc(folder, objects, suffix='.jpg', size=True, lists=None):
    """Images of ``SIZES`` with these objects, by name, and lists of names."""
    for name, text in objects.items():
        width, height = SIZES[name]
        write_image(folder / 'JPEGImages' / f'{name}{suffix}', (width, height))
        stated = f'<size><width>{width}</width><height>{height}</height><depth>3</depth></size>' if size else ''
        write_text(folder / 'Annotations' / f'{name}.xml', f'<annotation>{stated}{text}</annotation>')
    for part, names in (lists or {}).items():
        write_text(folder / 'ImageSets' / 'Main' / f'{part}.txt', ''.join(f'{name}\n' for name in names))
    return folder
