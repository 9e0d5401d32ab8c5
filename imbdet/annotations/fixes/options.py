"""Options of a fix: the decisions that only the user of a file can make."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple


class ImageFile(NamedTuple):
    """Size of an image file.

    Attributes:
        width: Width in pixels as mmdet sees the image, with the EXIF orientation applied.
        height: Height, likewise.
        orientation: The EXIF orientation that was applied, 1 (none) to 8.
    """

    width: int
    height: int
    orientation: int = 1

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height as mmdet sees the image."""
        return self.width, self.height

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the stored pixels, which tools that ignore the EXIF orientation show."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


@dataclass(frozen=True)
class FixOptions:
    """Decisions that a file alone does not allow; None asks for a decision if one is needed.

    Attributes:
        same_image_ids: Of different images with one id, keep the last with the boxes of all (as mmdet does), or drop them all.
        same_category_ids: Of categories of different names with one id, keep the last, or drop them all with their boxes.
        same_names: Merge categories of one name, or number their names: ``cat``, ``cat_2``.
        boxes: What the numbers of ``bbox`` are: x, y, width, height; or x1, y1, x2, y2; or x, y, width, height as fractions of
            the image.
        crowd: If all annotations are crowds, keep them so, or make them objects.
        boxes_drawn_at: Where the size in the file and the image's differ: boxes belong to the size in the file, and are turned
            or scaled; or to the image, and only the size is corrected.
        swapped_sizes: Where width and height are exchanged and no EXIF orientation explains it: boxes belong to the image file.
        unknown: Drop annotations of images or categories that the file does not list, even if they are more than half.
        missing_images: Keep or drop images whose file is missing or unreadable.
        fill_masks: Whether annotations without a mask get their box as one.
        categories_like: Categories of another file, whose order and ids are taken over.
        image_file: Returns the size of the image file of a ``file_name``, or None if it is missing or unreadable. None: sizes
            are not compared with the files.
    """

    same_image_ids: Literal['keep-last', 'drop'] | None = None
    same_category_ids: Literal['keep-last', 'drop'] | None = None
    same_names: Literal['merge', 'number'] | None = None
    boxes: Literal['xywh', 'xyxy', 'relative'] | None = None
    crowd: Literal['keep', 'objects'] | None = None
    boxes_drawn_at: Literal['stated', 'file'] | None = None
    swapped_sizes: Literal['file'] | None = None
    unknown: Literal['drop'] | None = None
    missing_images: Literal['keep', 'drop'] | None = None
    fill_masks: bool = False
    categories_like: list[dict[str, Any]] | None = None
    image_file: Callable[[str], ImageFile | None] | None = None
