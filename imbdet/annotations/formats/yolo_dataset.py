"""Where a YOLO data set has its images, and the names of its classes."""

from pathlib import Path
from typing import Any, NamedTuple

from imbdet.annotations.formats.image_files import is_image
from imbdet.annotations.reader import AnnotationError

PARTS = ('train', 'val', 'test')


class YoloDataset(NamedTuple):
    """A YOLO data set.

    Attributes:
        source: The file or folder that describes it, for messages.
        root: Its folder; file names are relative to it.
        names: Names of its classes.
        parts: Folders or text files with the images of each part; empty if all are in ``images/`` and not divided.
    """

    source: Path
    root: Path
    names: list[str]
    parts: dict[str, list[Path]]


def find_yolo_dataset(path: Path) -> YoloDataset:
    """Find the parts and the class names of a YOLO data set.

    Args:
        path: A YAML file with ``names``, ``train``, ``val``, ``test`` and ``path``, as Ultralytics describes it; a folder
            with such a file; or a folder with ``images/``, ``labels/`` and ``classes.txt``, a name a line. There the folders
            in ``images/`` are the parts, unless images lie beside them.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        AnnotationError: If it is not a YOLO data set, has no class names, or is made for keypoints.
    """
    if path.is_file():
        return _from_yaml(path)
    if not path.is_dir():
        raise FileNotFoundError(f'no such file or folder: {path}')
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in ('.yaml', '.yml'))
    named = [file for file in files if file.stem == 'data'] or files
    if len(named) > 1:
        raise AnnotationError(f'{path} has several YAML files; give one of them: {", ".join(file.name for file in named)}')
    if named:
        return _from_yaml(named[0])
    if not (path / 'images').is_dir() or not (path / 'labels').is_dir():
        raise AnnotationError(f'{path} must be an annotation file in JSON, a YOLO data set (data.yaml, or a folder with it or '
                              'with images/ and labels/) or a VOC folder (with Annotations/ and JPEGImages/)')
    return YoloDataset(path, path, _names_from_text(path), _parts_in(path / 'images'))


def _from_yaml(path: Path) -> YoloDataset:
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8-sig'))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AnnotationError(f'{path} is not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(content, dict) or not any(content.get(part) for part in PARTS):
        raise AnnotationError(f'{path} must name folders of images as {", ".join(PARTS)}')
    if content.get('kpt_shape'):
        raise AnnotationError(f'{path} has labels with keypoints (kpt_shape), which imbdet does not read; give a data set of '
                              'boxes or polygons')
    root = _root(path, content.get('path'))
    parts = {part: [_place(root, value) for value in _texts(path, part, content[part])]
             for part in PARTS if content.get(part)}
    return YoloDataset(path, root, _names(path, content), parts)


def _root(path: Path, value: Any) -> Path:
    """Return the data set's folder: ``path`` of the file if there is such a folder, else the file's own."""
    if value is None:
        return path.parent
    folders = [path.parent / str(value), Path(str(value))]
    return next((folder for folder in folders if folder.is_dir()), path.parent)


def _place(root: Path, value: str) -> Path:
    """Return the place of a part. Roboflow writes ``../train/images`` for ``train/images``, and Ultralytics takes it so."""
    place = root / value
    return root / value[3:] if value.startswith('../') and not place.exists() else place


def _texts(path: Path, key: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in values):
        raise AnnotationError(f'{path}: {key} must be a path or a list of paths, got {value!r}')
    return values


def _names(path: Path, content: dict[str, Any]) -> list[str]:
    """Read ``names``, a list or a dict from 0 without gaps; its length must be ``nc`` if the file has it."""
    names = content.get('names')
    if isinstance(names, dict):
        if set(names) != set(range(len(names))):
            raise AnnotationError(f'{path}: keys of names must be 0 to {len(names) - 1}, got {sorted(names, key=str)}')
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names:
        raise AnnotationError(f'{path}: names must list the names of the classes, got {names!r}')
    for name in names:
        if isinstance(name, bool) or not isinstance(name, str | int | float):  # YAML reads a bare no, off or null otherwise
            raise AnnotationError(f'{path}: class name {name!r} must be text; put it into quotes')
    if content.get('nc', len(names)) != len(names):
        raise AnnotationError(f'{path}: nc is {content["nc"]!r}, but there are {len(names)} names')
    return [str(name) for name in names]


def _names_from_text(folder: Path) -> list[str]:
    for path in (folder / 'classes.txt', folder / 'labels' / 'classes.txt'):
        if path.is_file():
            return [line.strip() for line in path.read_text(encoding='utf-8-sig').splitlines() if line.strip()]
    raise AnnotationError(f'{folder} has no class names; write them to {folder / "classes.txt"}, one a line, or add data.yaml')


def _parts_in(folder: Path) -> dict[str, list[Path]]:
    entries = sorted(folder.iterdir())
    if any(is_image(entry) for entry in entries):
        return {}
    return {entry.name: [entry] for entry in entries if entry.is_dir()}
