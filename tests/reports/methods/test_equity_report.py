"""The page of DatasetEquity holds what it is given; how it looks, a person has to see."""

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from PIL import Image

from imbdet.dataset_equity import LikelihoodFile, cluster_likelihoods, equity_weights
from imbdet.reports import Section, write_equity_report, write_page
from imbdet.reports.methods.class_weights import ClassWeights

PICTURES = ('scatter', 'rarest', 'commonest', 'weights', 'class_weights')
COLORS = {0: (200, 30, 30), 1: (30, 160, 30), 2: (30, 30, 200), -1: (220, 30, 220)}
FORMULA = 'w = (1 + (1 - p)^5) / 2'


class Page(HTMLParser):
    """What a browser finds in a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.links, self.pictures, self.words, self.tables = [], [], {}, [], []
        self.feed(path.read_text(encoding='utf-8'))
        self.text = ' '.join(' '.join(self.words).split())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.links += [value for name, value in attributes.items() if name in ('src', 'href', 'srcset', 'data')]
        if tag == 'img':
            self.pictures[attributes['alt']] = attributes['src']
        elif tag == 'table':
            self.tables.append([])
        elif tag == 'tr':
            self.tables[-1].append([])
        elif tag in ('td', 'th'):
            self.tables[-1][-1].append('')

    def handle_data(self, data):
        self.words.append(data)
        if self.tags and self.tags[-1] in ('td', 'th'):
            self.tables[-1][-1][-1] += data.strip()


def write(folder, clusters, names=('cat', 'dog', 'cow'), boxes=(3, 1, 0), mean_weight=(0.51234, 0.98761, np.nan),
          colors=COLORS, source='config.py', skipped=()):
    """Write the report of images that have the color of their cluster; return its folder."""
    clusters = np.array(clusters, dtype=np.int32)
    paths = [str(folder / f'{index}.png') for index in range(len(clusters))]
    for path, cluster in zip(paths, clusters, strict=True):
        Image.new('RGB', (40, 30), colors.get(int(cluster), (9, 9, 9))).save(path)
    likelihoods = cluster_likelihoods(clusters)
    content = LikelihoodFile(np.arange(len(clusters)).astype(str), np.array(paths), clusters, likelihoods,
                             np.array(skipped, dtype=str), {
                                 'source': source, 'embedding': {'name': 'colour-texture', 'weights': 'needs none'},
                                 'clustering': {'method': 'kmeans', 'seed': 7}})
    classes = ClassWeights(names, np.array(boxes), np.array(boxes), np.array(mean_weight))
    points = np.random.default_rng(0).normal(0, 1, (len(clusters), 4)).astype(np.float32)
    page = write_equity_report(folder / 'report', content, points + 9 * clusters[:, None], paths,
                               equity_weights(likelihoods), classes, FORMULA)
    assert page == folder / 'report/index.html'
    return page.parent


def shows(path, color):
    """Whether a picture has pixels of a color, given as RGB."""
    red, green, blue = color
    lower, upper = (tuple(value + change for value in (blue, green, red)) for change in (-12, 12))
    return cv2.inRange(cv2.imread(str(path)), lower, upper).any()


@pytest.fixture(scope='module')
def report(tmp_path_factory):
    """Three clusters of 6, 3 and 1 images, and two images in none."""
    return write(tmp_path_factory.mktemp('report'), [0] * 6 + [1] * 3 + [2] + [-1] * 2, skipped=['a/broken.png'])


def test_one_file_that_needs_no_other(report):
    page = Page(report / 'index.html')
    assert len(page.links) == len(PICTURES)
    assert all(link.startswith('data:image/png;base64,') for link in page.links)
    assert not {'script', 'link', 'iframe'} & set(page.tags)
    assert not re.search(r'url\(|@import|https?:', (report / 'index.html').read_text())


def test_pictures_are_in_the_page_and_beside_it(report):
    assert sorted(path.name for path in report.iterdir()) == sorted([f'{name}.png' for name in PICTURES] + ['index.html'])
    inside = [base64.b64decode(link.split(',')[1]) for link in Page(report / 'index.html').links]
    for name, data in zip(PICTURES, inside, strict=True):
        assert (report / f'{name}.png').read_bytes() == data
        picture = cv2.imread(str(report / f'{name}.png'))
        assert min(picture.shape[:2]) > 80
        assert len(np.unique(picture @ (1, 256, 65536))) > 20, name  # not blank: lines, letters, images


def test_words_and_numbers(report):
    page = Page(report / 'index.html')
    assert 'Appearance of config.py' in page.text
    assert '12 images, in 3 clusters and 2 in none, embedded by colour-texture.' in page.text
    assert '1 images could not be read and are skipped' in page.text
    assert FORMULA in page.text
    assert page.tables == [
        [['class', 'images', 'boxes', 'mean weight'], ['cat', '3', '3', '0.5123'], ['dog', '1', '1', '0.9876'],
         ['cow', '0', '0', 'nan']],
        [['what', 'value'], ['name', 'colour-texture'], ['weights', 'needs none'], ['method', 'kmeans'], ['seed', '7']]]


def test_galleries(report, tmp_path):
    """Images in no cluster are the rarest of all; of many clusters each gallery shows four."""
    for cluster, color in COLORS.items():
        assert shows(report / 'rarest.png', color) == (cluster in (-1, 2))
        assert shows(report / 'commonest.png', color) == (cluster in (0, 1))
    clusters = [cluster for cluster in range(9) for _ in range(9 - cluster)]
    colors = {0: (200, 30, 30), 3: (30, 160, 30), 4: (200, 200, 30), 5: (30, 30, 200), 8: (220, 30, 220)}
    folder = write(tmp_path, clusters, colors=colors)
    for cluster, color in colors.items():
        assert shows(folder / 'rarest.png', color) == (cluster > 4)
        assert shows(folder / 'commonest.png', color) == (cluster < 4)


@pytest.fixture
def drawn(monkeypatch):
    """The words in the pictures, taken where matplotlib draws them."""
    from matplotlib.text import Text
    words, draw = set(), Text.draw
    monkeypatch.setattr(Text, 'draw', lambda self, *rest: (words.add(self.get_text()), draw(self, *rest))[1])
    return words


def test_words_in_the_pictures(drawn, tmp_path):
    write(tmp_path, [0] * 4 + [1] * 2 + [2] + [-1] * 2)
    assert {'cluster 0: 4 images', 'cluster 1: 2 images', 'cluster 2: 1 image', 'in no cluster: 2 images'} <= drawn
    assert {'cluster 0: 4 images, p = 1.000, w = 0.500', 'cluster 1: 2 images, p = 0.500, w = 0.516',
            'cluster 2: 1 image, p = 0.250, w = 0.619', 'in no cluster: 2 images, p = 0.000, w = 1.000'} <= drawn
    assert {'cat (3)', 'dog (1)'} <= drawn
    assert f'mean {(4 * 0.5 + 2 * (1 + 0.5**5) / 2 + (1 + 0.75**5) / 2 + 2) / 9:.3f}' in drawn
    assert any(FORMULA in words for words in drawn)


def test_names_are_shown_as_they_are(tmp_path):
    names = ('<b>', '<script>alert(1)</script>', 'a & b', '"\'', r'$\x$', '$', 'Tür')
    folder = write(tmp_path, [0, 0, 1], names, range(1, 8), np.linspace(0.5, 1, 7), source='<b> & $.py')
    page = Page(folder / 'index.html')
    assert [row[0] for row in page.tables[0][1:]] == list(names)
    assert 'Appearance of <b> & $.py' in page.text
    assert not {'b', 'script'} & set(page.tags)
    assert 'charset="utf-8"' in (folder / 'index.html').read_text(encoding='utf-8')


def test_one_image(tmp_path):
    folder = write(tmp_path, [0])
    page = Page(folder / 'index.html')
    assert '1 images, in 1 clusters, embedded' in page.text
    assert 'could not be read' not in page.text
    assert shows(folder / 'rarest.png', COLORS[0])


def test_many_clusters_and_classes(report, tmp_path):
    """There are bars for 40 classes, and the table has all."""
    number = 70
    names = tuple(f'class {index}' for index in range(number))
    folder = write(tmp_path, list(range(25)) * 2, names, np.full(number, 2), np.linspace(0.5, 1, number))
    table = Page(folder / 'index.html').tables[0]
    assert [row[0] for row in table[1:]] == list(names)
    assert table[-1][3] == '1.0000'
    heights = [cv2.imread(str(path / 'class_weights.png')).shape[0] for path in (folder, report)]
    assert 600 < heights[0] < 1200
    assert heights[1] < 300


def test_classes_without_boxes_have_no_bar(drawn, tmp_path):
    number = 60
    boxes = np.arange(number) % 3
    names = tuple(f'class {index}' for index in range(number))
    write(tmp_path, [0, 0, 1], names, boxes, np.where(boxes > 0, 0.75, np.nan))
    assert {words for words in drawn if words.startswith('class ')} == {
        f'class {index} ({index % 3})' for index in range(number) if index % 3}


def test_no_boxes(tmp_path):
    folder = write(tmp_path, [0, 0, 1], boxes=(0, 0, 0), mean_weight=(np.nan, ) * 3)
    assert [row[3] for row in Page(folder / 'index.html').tables[0][1:]] == ['nan'] * 3


def test_page_of_text_alone(tmp_path):
    page = Page(write_page(tmp_path / 'page.html', 'A < B', 'lead', [Section('empty'), Section('words', 'a > b & c')]))
    assert page.links == []
    assert page.text.endswith('A < B lead empty words a > b & c')
    assert page.tags.count('p') == 2
