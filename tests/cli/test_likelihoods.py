"""``imbdet likelihoods`` end to end on small images of two appearances, and on the sample data."""

import contextlib
import csv
import json
import os
import re
import shutil
from pathlib import Path

import mmengine.dist
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import adjusted_rand_score

import imbdet
from imbdet.cli import main
from imbdet.dataset_equity import read_likelihoods

from ..tiny_detectors import tiny_detector
from ..tiny_training import CLASSES, training_config, write_training_set

DARK = (3, 7, 8)
NUMBER = 12
STATISTICS = ('--embedding', 'colour-texture', '--num-workers', '0')


def scene(index, dark=DARK):
    """Noise: dark and reddish or bright and bluish."""
    noise = np.random.default_rng(index).integers(0, 60, (30, 40, 3))
    return Image.fromarray((noise + ((30, 0, 0) if index in dark else (120, 150, 190))).astype(np.uint8))


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Nine bright images and three dark ones, one without a box."""
    folder = tmp_path_factory.mktemp('scenes') / 'set'
    write_training_set(folder, NUMBER, [index % 4 for index in range(NUMBER)])
    for index in range(NUMBER):
        scene(index).save(folder / f'images/{index}.png')
    training_config(folder, tiny_detector('retinanet')).dump(folder / 'config.py')
    return folder


@pytest.fixture
def scenes(made, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(made, tmp_path / 'set')
    training_config(tmp_path / 'set', tiny_detector('retinanet')).dump(tmp_path / 'set/config.py')
    return tmp_path / 'set'


@pytest.fixture
def build(capsys, tmp_path):
    """A function that runs the command in this process and returns what it wrote and said."""

    def run(source, *arguments, out=tmp_path / 'out/equity.npz', embedding=STATISTICS):
        folder = ['--img-folder', source.parent / 'images'] if source.suffix == '.json' else []
        main(['likelihoods', *map(str, (source, '--out', out, *folder, *embedding, *arguments))])
        return read_likelihoods(out) if out.is_file() else None, capsys.readouterr()

    return run


def columns(content):
    return [column.tolist() for column in content[:5]]


def weight(likelihood):
    return (1 + (1 - likelihood)**5) / 2


def mean_weights(folder, rare, number=NUMBER):
    """Images, boxes and mean weight of each class, counted box by box."""
    rows = []
    boxes = json.loads((folder / 'train.json').read_text())['annotations']
    weights = [weight(len(rare) / (number - len(rare))) if index in rare else 0.5 for index in range(number)]
    for label, name in enumerate(CLASSES):
        of_class = [box['image_id'] for box in boxes if box['category_id'] == label]
        mean = sum(weights[image] for image in of_class) / len(of_class)
        rows.append([name, str(len(set(of_class))), str(len(of_class)), f'{mean:.4f}'])
    return rows


def test_annotation_file(build, made, tmp_path):
    content, said = build(made / 'train.json', '--clusters', 2)
    assert content.image_ids.tolist() == [str(index) for index in range(NUMBER)]
    assert content.paths.tolist() == [f'images/{index}.png' for index in range(NUMBER)]
    assert content.likelihoods.tolist() == [1 / 3 if index in DARK else 1 for index in range(NUMBER)]
    assert len({(cluster, index in DARK) for index, cluster in enumerate(content.clusters)}) == 2
    assert content.skipped.tolist() == []
    assert content.provenance == {
        'source': str(made / 'train.json'), 'root': str(made), 'imbdet': imbdet.__version__,
        'embedding': {'name': 'colour-texture', 'weights': 'needs none', 'size': 256},
        'clustering': {'method': 'kmeans', 'seed': 0, 'dimensions': NUMBER, 'library': 'scikit-learn', 'clusters': 2}}
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [
        'equity.csv', 'equity.embeddings', 'equity.npz', 'equity_report']
    with open(tmp_path / 'out/equity.csv', newline='') as file:
        assert [row['likelihood'] for row in csv.DictReader(file)] == [
            '0.333333' if index in DARK else '1' for index in range(NUMBER)]
    assert said.out.startswith(
        '12 images in 2 clusters of 3 to 9; embedding colour-texture, weights needs none; kmeans by scikit-learn\n')
    found = dict(re.findall(r'(\w+(?: %)?) (\d\.\d{4})', said.out.split('weights: ')[1].splitlines()[0]))
    between = 0.75 * 0.5 + 0.25 * weight(1 / 3)  # place 8.25 of 0 to 11, of which 9 is the first rare one
    assert found == {
        'least': '0.5000', '5 %': '0.5000', '25 %': '0.5000', 'median': '0.5000', '75 %': f'{between:.4f}', '95 %': '0.5658',
        'most': '0.5658', 'mean': f'{(9 * 0.5 + 3 * weight(1 / 3)) / 12:.4f}'}
    rows = [line.split() for line in said.out.splitlines()]
    start = rows.index(['class', 'images', 'boxes', 'mean', 'weight']) + 1
    assert rows[start:start + 3] == mean_weights(made, DARK)
    assert f'wrote {tmp_path}/out/equity.npz, {tmp_path}/out/equity.csv and {tmp_path}/out/equity_report/index.html' in said.out
    page = (tmp_path / 'out/equity_report/index.html').read_text()
    assert all(f'<td>{"</td><td>".join(row)}</td>' in page for row in mean_weights(made, DARK))
    assert 'w = (1 + (1 - p)^5) / 2' in page


def test_config(build, made, tmp_path):
    content, _ = build(made / 'config.py', '--clusters', 2, '--batch-size', 5, '--eta', 0.5, '--gamma', 2)
    expected, _ = build(made / 'train.json', '--clusters', 2, '--seed', 1, out=tmp_path / 'other/equity.npz')
    assert content.likelihoods.tolist() == expected.likelihoods.tolist()  # which cluster is called 0 is no matter
    assert columns(content)[:2] == columns(expected)[:2]
    assert content.provenance['root'] == expected.provenance['root'] == str(made)
    assert [content.provenance['clustering']['seed'], expected.provenance['clustering']['seed']] == [0, 1]
    assert 'w = (0.5 + (1 - p)^2) / 1.5' in (tmp_path / 'out/equity_report/index.html').read_text()


def test_a_dry_run_writes_embeddings_alone(build, made, tmp_path):
    content, said = build(made / 'train.json', '--clusters', 2, '--dry-run', '--eta', 0.5)
    assert content is None
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['equity.embeddings']
    assert f'most {(0.5 + (2 / 3)**5) / 1.5:.4f}' in said.out
    assert said.out.endswith('dry run: no likelihoods were written\n')
    parts = {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('part_*.npz')}
    assert len(parts) == 1
    content, _ = build(made / 'train.json', '--clusters', 2)
    assert content.likelihoods.min() == 1 / 3
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').rglob('part_*.npz')} == parts


def test_a_seed_gives_one_result(build, made, tmp_path):
    """Also with the random weights of a network, and with other workers."""
    network = ('--embedding', 'shufflenet_v2_x0_5', '--weights', 'none', '--image-size', 40)
    found = []
    for number in (0, 1):
        with pytest.warns(UserWarning, match='random weights'):
            found.append(build(made / 'train.json', '--clusters', 5, '--num-workers', number,
                               out=tmp_path / f'{number}/equity.npz', embedding=network)[0])
    assert columns(found[0]) == columns(found[1])
    assert found[0].provenance == found[1].provenance
    assert found[0].provenance['embedding'] == {'name': 'shufflenet_v2_x0_5', 'weights': 'none', 'size': 40}
    parts = [dict(np.load(path)) for number in (0, 1) for path in (tmp_path / str(number)).rglob('part_*.npz')]
    np.testing.assert_equal(parts[0], parts[1])


def test_the_backbone_of_the_configs_detector(build, made):
    with pytest.warns(UserWarning, match='random weights'):
        content, said = build(made / 'config.py', embedding=('--embedding', 'detector', '--weights', 'none'))
    assert content.provenance['embedding']['name'] == 'detector'
    assert 'embedding detector, weights none' in said.out


def test_corrupt_images_are_reported_and_repaired_ones_taken(build, scenes, tmp_path):
    os.truncate(scenes / 'images/3.png', 200)
    os.rename(scenes / 'images/11.png', tmp_path / 'aside.png')
    content, said = build(scenes / 'train.json', '--clusters', 2)
    assert '2 images could not be read and are skipped: images/3.png, images/11.png\n' in said.err
    assert content.skipped.tolist() == ['images/3.png', 'images/11.png']
    left = [index for index in range(NUMBER) if index not in (3, 11)]
    assert content.image_ids.tolist() == [str(index) for index in left]
    assert content.paths.tolist() == [f'images/{index}.png' for index in left]
    assert content.likelihoods.tolist() == [2 / 8 if index in DARK else 1 for index in left]
    rows = [line.split() for line in said.out.splitlines()]
    boxes = [box for box in json.loads((scenes / 'train.json').read_text())['annotations'] if box['image_id'] in left]
    start = rows.index(['class', 'images', 'boxes', 'mean', 'weight']) + 1
    assert [row[2] for row in rows[start:start + 3]] == [
        str(sum(box['category_id'] == label for box in boxes)) for label in range(3)]
    assert '2 images could not be read' in (tmp_path / 'out/equity_report/index.html').read_text()
    os.rename(tmp_path / 'aside.png', scenes / 'images/11.png')
    scene(3).save(scenes / 'images/3.png')
    content, said = build(scenes / 'train.json', '--clusters', 2)
    assert len(content.likelihoods) == NUMBER
    assert content.skipped.tolist() == []
    assert 'could not be read' not in said.err


def test_no_image_can_be_read(build, made, capsys):
    with pytest.raises(SystemExit) as end:
        build(made / 'train.json', '--img-folder', made / 'none')
    assert end.value.code == 1
    assert 'ValueError: none of the 12 images could be read; check the folder of images' in capsys.readouterr().err


@pytest.mark.parametrize(('noise', 'outlier'), [('rare', 0), ('as_cluster', 2 / 6)])
def test_hdbscan(build, scenes, noise, outlier):
    """Two odd images are in no cluster."""
    Image.new('RGB', (40, 30), (0, 255, 0)).save(scenes / 'images/0.png')
    stripes = np.zeros((30, 40, 3), np.uint8)
    stripes[::4] = (255, 0, 255)
    Image.fromarray(stripes).save(scenes / 'images/1.png')
    scene(4, dark=[4]).save(scenes / 'images/4.png')
    content, said = build(scenes / 'config.py', '--method', 'hdbscan', '--min-cluster-size', 3, '--noise', noise)
    rare = (*DARK, 4)
    assert content.likelihoods.tolist() == [outlier] * 2 + [4 / 6 if index in rare else 1 for index in range(2, NUMBER)]
    assert (content.clusters == -1).tolist() == [True] * 2 + [False] * 10
    assert '12 images in 2 clusters of 4 to 6, 2 in none;' in said.out
    assert content.provenance['clustering'] == {'method': 'hdbscan', 'seed': 0, 'dimensions': NUMBER, 'library': 'scikit-learn',
                                                'min_cluster_size': 3, 'noise': noise}


def test_preset(build, tmp_path):
    """The paper's way on our statistics: t-SNE and DBSCAN find the 12 dark images among 40."""
    write_training_set(tmp_path / 'set', 40, 1)
    for index in range(40):
        scene(index, dark=range(12)).save(tmp_path / f'set/images/{index}.png')
    content, said = build(tmp_path / 'set/train.json', '--preset', 'paper', '--dimensions', 2)
    assert content.likelihoods.tolist() == [12 / 28] * 12 + [1] * 28
    assert content.provenance['clustering'] == {
        'method': 'dbscan', 'seed': 0, 'dimensions': 2, 'reduction': 'tsne', 'library': 'scikit-learn', 'eps': 1.0,
        'min_samples': 10, 'noise': 'as_cluster'}
    assert said.out.startswith('preset paper: --reduction tsne --method dbscan --eps 1.0 --min-samples 10 --noise as_cluster\n')
    assert 'found in t-SNE of the embeddings to 2 dimensions, not in this picture' in (
        tmp_path / 'out/equity_report/index.html').read_text()


def test_folders_tell_images_of_one_name_apart(build, scenes, tmp_path):
    """As in a data set of two splits, whose ids collide too."""
    os.rename(scenes / 'images', tmp_path / 'images')
    for name in ('day', 'night'):
        shutil.copytree(tmp_path / 'images', scenes / 'images' / name)
    content = json.loads((scenes / 'train.json').read_text())
    content['images'] = [{**image, 'id': f'{name}{image["id"]}', 'file_name': f'{name}/{image["file_name"]}'}
                         for name in ('day', 'night') for image in content['images']]
    (scenes / 'train.json').write_text(json.dumps(content))
    found, _ = build(scenes / 'train.json', '--clusters', 2)
    assert found.paths.tolist() == [f'images/{name}/{index}.png' for name in ('day', 'night') for index in range(NUMBER)]
    assert found.image_ids[[0, -1]].tolist() == ['day0', 'night11']
    assert found.provenance['root'] == str(scenes)


@pytest.mark.parametrize(('source', 'arguments', 'code', 'message'), [
    ('none.py', [], 2, r'FileNotFoundError: config or annotation file not found: \S+none\.py'),
    ('copy.json', [], 2, r'AnnotationError: \S+copy\.json: '),
    ('train.json', ['--out', 'equity.pkl'], 2, r'ValueError: --out must end in \.npz, got equity\.pkl'),
    ('train.json', ['--eta', 0], 2, 'ValueError: eta must be above 0'),
    ('train.json', ['--gamma', -1], 2, 'ValueError: gamma must be at least 0'),
    ('train.json', ['--weights', 'none.pth'], 2, r'FileNotFoundError: --weights none\.pth: no such file'),
    ('train.json', ['--embedding', 'nothing'], 2, "ValueError: no embedding 'nothing'"),
    ('train.json', ['--embedding', 'detector'], 2, 'ValueError: --embedding detector takes .* give its CONFIG'),
    ('typo.py', [], 2, r"AnnotationError: \S+train\.json: class 'bb' of the config is not a category of the file"),
    ('train.json', ['--clusters', 0], 1, 'ValueError: 0 clusters of 12 images; choose from 1 to 12'),
    ('train.json', ['--clusters', 13], 1, 'ValueError: 13 clusters of 12 images; choose from 1 to 12'),
    ('train.json', ['--method', 'hdbscan', '--min-cluster-size', 13], 1, 'ValueError: min_cluster_size 13 of 12 images'),
    ('train.json', ['--method', 'hdbscan', '--min-cluster-size', 12, '--noise', 'as_cluster'], 1,
     'ValueError: no cluster among 12 images; a smaller min_cluster_size finds more'),
    ('train.json', ['--method', 'dbscan', '--eps', 1e-9], 1, 'ValueError: no cluster among 12 images; .* a larger eps'),
    ('train.json', ['--method', 'dbscan', '--eps', 0], 1, 'ValueError: eps must be above 0, got 0'),
    ('train.json', ['--reduction', 'tsne'], 1, 'ValueError: t-SNE with a perplexity of 30 needs more than 30 images'),
    ('train.json', ['--normalization', 'symmetric'], 2, 'ValueError: --normalization symmetric is for models of torchvision'),
])
def test_errors(build, made, tmp_path, capsys, source, arguments, code, message):
    (made / 'copy.json').write_text('{"images": 3}')
    (made / 'typo.py').write_text((made / 'config.py').read_text().replace("'b'", "'bb'"))
    with pytest.raises(SystemExit) as end:
        build(made / source, *arguments)
    assert end.value.code == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith('imbdet: error: ')]
    assert len(lines) == 1
    assert re.match(f'imbdet: error: {message}', lines[0])
    assert not (tmp_path / 'out/equity.npz').exists()


def test_annotation_file_without_folder(made, capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['likelihoods', str(made / 'train.json'), '--out', 'equity.npz'])
    assert 'is an annotation file; set --img-folder to the folder of its images' in capsys.readouterr().err


@pytest.fixture
def many(made, tmp_path):
    """Annotation file of two parts of 1,000 and of six images; of the first part all but six images are missing."""
    shutil.copytree(made / 'images', tmp_path / 'images')
    names = [f'{index}.png' for index in (*range(6), *range(2000, 2994), *range(6, NUMBER))]
    (tmp_path / 'train.json').write_text(json.dumps({
        'images': [{'id': index, 'file_name': name} for index, name in enumerate(names)], 'annotations': [],
        'categories': []}))
    return tmp_path / 'train.json'


def test_two_processes_give_the_result_of_one(build, many, run_python, monkeypatch, tmp_path):
    network = ('--embedding', 'shufflenet_v2_x0_5', '--weights', 'none', '--image-size', 32, '--clusters', 2)
    process = run_python('-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', 2, '-m', 'imbdet',
                         'likelihoods', 'train.json', '--img-folder', 'images', '--out', 'two/equity.npz', *network,
                         cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr.count('994 images could not be read and are skipped: images/2000.png, images/2001.png, ') == 1
    assert '%|' not in process.stderr  # no progress bar where there is no terminal
    monkeypatch.chdir(tmp_path)
    _, said = build(Path('train.json'), out=Path('one/equity.npz'), embedding=network)
    assert said.out.startswith('12 images in 2 clusters')
    assert process.stdout[process.stdout.index('12 images'):] == said.out.replace('one/', 'two/')  # after what mmdet says
    assert process.stdout.count('12 images') == 1
    one, two = (read_likelihoods(tmp_path / name / 'equity.npz') for name in ('one', 'two'))
    assert columns(two) == columns(one)
    assert two.provenance == one.provenance
    assert one.image_ids.tolist() == [str(index) for index in (*range(6), *range(1000, 1006))]
    assert len(one.skipped) == 994
    for name in ('part_00000', 'part_00001'):
        parts = [np.load(next((tmp_path / folder).rglob(f'{name}.npz'))) for folder in ('one', 'two')]
        assert len(parts[0]['features']) == 6
        np.testing.assert_allclose(parts[0]['features'], parts[1]['features'], rtol=1e-4, atol=1e-5)
        np.testing.assert_equal(parts[0]['readable'], parts[1]['readable'])


@pytest.mark.parametrize('rank', [0, 1])
def test_a_process_embeds_its_share(build, many, rank, monkeypatch, tmp_path):
    """The other process is not there: the first lacks its part; the second is done with its own, and reads none."""
    monkeypatch.setattr(mmengine.dist, 'get_dist_info', lambda: (rank, 2))
    with pytest.raises(SystemExit, match='1') if rank == 0 else contextlib.nullcontext():
        build(many)
    assert [path.name for path in (tmp_path / 'out').rglob('*.npz')] == [f'part_0000{rank}.npz']


def test_clusters_of_the_sample_data_are_its_appearances(build, digits, tmp_path):
    """On every second image, to save time."""
    content = json.loads((digits / 'annotations/digits_longtail_train.json').read_text())
    content['images'] = content['images'][::2]
    (tmp_path / 'half.json').write_text(json.dumps(content))
    found, said = build(tmp_path / 'half.json', '--img-folder', digits / 'visible', '--clusters', 3)
    assert '300 images in 3 clusters' in said.out
    truth = {str(image['id']): image['appearance'] for image in content['images']}
    assert len(set(truth.values())) == 3
    score = adjusted_rand_score([truth[image] for image in found.image_ids], found.clusters)
    assert score >= 0.5
