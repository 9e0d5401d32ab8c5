"""Small annotation files as dicts."""

from imbdet.annotations.fixes import FixOptions, fix_content


def make_content(annotations=(), images=2, categories=('a', 'b'), **top):
    """A file of 100 x 80 images; annotations are dicts of the keys that matter, and a key that is ... is left out.

    Boxes are moved by a pixel each, because equal ones would be one object.
    """
    if isinstance(images, int):
        images = [{} for _ in range(images)]
    images = [{'id': number, 'file_name': f'{number}.jpg', 'width': 100, 'height': 80, **image}
              for number, image in enumerate(images, start=1)]
    annotations = [{'id': number, 'image_id': 1, 'category_id': 1, 'bbox': [9 + number, 10, 20, 20], 'area': 400, 'iscrowd': 0,
                    **keys}
                   for number, keys in enumerate(annotations, start=1)]
    categories = [category if isinstance(category, dict) else {'id': number, 'name': category}
                  for number, category in enumerate(categories, start=1)]
    lists = {'images': images, 'annotations': annotations, 'categories': categories}
    return {**{key: [{name: value for name, value in entry.items() if value is not ...} for entry in entries]
               for key, entries in lists.items()}, **top}


def fix(content, **options):
    """Fix a content in place; return the changes as {kind: ids} and the options that are asked for."""
    report = fix_content(content, FixOptions(**options))
    return {change.kind: change.ids for change in report.changes}, [decision.option for decision in report.decisions]
