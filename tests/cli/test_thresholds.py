"""From a results file to thresholds, and to a test that applies them."""

import json
import re

import numpy as np
import pytest

from imbdet.classes.thresholds_file import read_thresholds
from imbdet.cli import main
from imbdet.evaluation.score_thresholds import f1_threshold

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, training_config, write_training_set

NAMES = ('a', 'b', 'c')


@pytest.fixture
def files(annotation_file, tmp_path):
    """40 images with an object of each class; class a is found with high scores, b with low ones, c never."""
    rng = np.random.default_rng(0)
    places = {1: 0, 2: 30, 3: 60}
    boxes = [dict(image_id=image, category_id=category, bbox=[places[category], 10, 20, 20])
             for image in range(1, 41) for category in places]
    ann = annotation_file(boxes, num_images=40)
    results = []
    for box in boxes:
        low, high = {1: (0.8, 1.0), 2: (0.1, 0.3), 3: (0.0, 0.3)}[box['category_id']]
        shift = 40 if box['category_id'] == 3 else 0
        right = dict(image_id=box['image_id'], category_id=box['category_id'], score=float(rng.uniform(low, high)),
                     bbox=[box['bbox'][0], 10 + shift, 20, 20])
        wrong = dict(right, bbox=[box['bbox'][0], 60, 20, 20], score=float(rng.uniform(0, low)))
        results += [right, wrong]
    path = tmp_path / 'results.json'
    path.write_text(json.dumps(results))
    return path, ann, results


def thresholds(*arguments):
    main(['thresholds', *map(str, arguments)])


def test_thresholds_and_their_report(files, tmp_path, capsys):
    path, ann, results = files
    out = tmp_path / 'out'
    thresholds(path, ann, '--train-ann', ann, '--out', out)
    said = capsys.readouterr().out
    found = read_thresholds(out / 'thresholds.json', NAMES)
    kept = [[one for one in results if one['category_id'] == label + 1 and one['score'] > found[label]] for label in range(3)]
    assert len(kept[1]) == 40
    assert {one['bbox'][1] for one in kept[1]} == {10}  # those that are right, which one threshold for all cannot choose
    numbers = re.search(r'all classes: mean F1 (\S+) with one threshold, (\S+) with one for each', said)
    single, own = map(float, numbers.groups())
    assert own > single + 0.02
    assert 'common: mean F1' in said
    assert f'wrote {out / "thresholds.json"} and {out / "index.html"}' in said
    content = json.loads((out / 'thresholds.json').read_text())
    assert (content['aim'], content['iou'], list(content['classes'])) == ('f1', 0.5, list(NAMES))
    slope, shifts = content['probabilities']['slope'], content['probabilities']['shifts']
    assert list(shifts) == list(NAMES)

    def probability(name, score):
        return 1 / (1 + (1 / score - 1)**slope / np.exp(shifts[name]))

    assert probability('b', 0.2) > 0.5 > probability('c', 0.2)  # whose detections are right, and never
    before, after = map(float, re.search(r'ranked together: (\S+) by score, (\S+) by probability', said).groups())
    assert after > before + 0.02
    assert (out / 'reliability.png').is_file()
    page = (out / 'index.html').read_text()
    assert 'Score thresholds' in page
    assert 'data:image/png' in page
    first = (out / 'thresholds.json').read_bytes()
    thresholds(path, ann, '--train-ann', ann, '--out', out, '--seed', 7)
    assert (out / 'thresholds.json').read_bytes() == first  # they are chosen on all images


def test_without_a_correct_detection_there_are_no_probabilities(files, tmp_path, capsys):
    path, ann, results = files
    path.write_text(json.dumps([one for one in results if one['category_id'] == 3]))
    thresholds(path, ann, '--train-ann', ann, '--out', tmp_path / 'out')
    said = capsys.readouterr()
    assert 'imbdet: warning: no probabilities are written: 0 of ' in said.err
    assert 'ranked together' not in said.out
    assert 'probabilities' not in json.loads((tmp_path / 'out/thresholds.json').read_text())
    assert read_thresholds(tmp_path / 'out/thresholds.json', NAMES).tolist() == [1, 1, 1]


def test_a_wished_precision(files, tmp_path):
    """Of class a, with 40 objects, mostly its own choice; IoU of 0.5 and more is right."""
    path, ann, results = files
    thresholds(path, ann, '--train-ann', ann, '--out', tmp_path / 'out', '--precision', 0.9, '--iou', 0.9)
    content = json.loads((tmp_path / 'out/thresholds.json').read_text())
    assert (content['aim'], content['iou']) == ('precision 0.9', 0.9)
    kept = [one for one in results if one['category_id'] == 1 and one['score'] > content['classes']['a']]
    assert np.mean([one['bbox'][1] == 10 for one in kept]) >= 0.9


def test_groups_share_by_the_given_limits(files, tmp_path):
    """All classes in one group: the threshold of class c, which is never found, is a third of the group's."""
    path, ann, results = files
    thresholds(path, ann, '--train-ann', ann, '--out', tmp_path / 'out', '--rare-max', 50)
    scores = np.array([one['score'] for one in results])
    correct = np.array([one['bbox'][1] == 10 for one in results])
    of_group = f1_threshold(scores, correct, 120)
    assert read_thresholds(tmp_path / 'out/thresholds.json', 'c')[0] == pytest.approx((40 * 1.0 + 20 * of_group) / 60)


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--iou', 0], '--iou must be in (0, 1], got 0.0'),
    (['--precision', 2], 'precision must be in (0, 1], got 2.0'),
    (['--rare-max', 5, '--common-max', 2], '0 <= rare_max <= common_max is needed'),
    ([], 'does not specify training images and frequency group')
])
def test_bad_flags_are_named(files, arguments, message, tmp_path, capsys):
    path, ann, _ = files
    train = ['--train-ann', ann] if arguments else []
    with pytest.raises(SystemExit):
        thresholds(path, ann, *train, '--out', tmp_path / 'out', *arguments)
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_imbdet_test_applies_them(tmp_path, capsys):
    """A detector of random weights: only the class without a threshold to speak of is left."""
    write_training_set(tmp_path)
    make_runner(tmp_path, tiny_detector('retinanet')).train()
    config = training_config(tmp_path, tiny_detector('retinanet', test_cfg=dict(score_thr=0.0)))
    loader = {**config.train_dataloader, 'sampler': dict(type='DefaultSampler', shuffle=False)}
    loader['dataset'] = {**loader['dataset'], 'test_mode': True}
    config.test_dataloader, config.test_cfg = loader, dict(type='TestLoop')
    config.test_evaluator = dict(type='CocoMetric', ann_file=str(tmp_path / 'train.json'))
    config.dump(tmp_path / 'config.py')
    limits = tmp_path / 'thresholds.json'
    limits.write_text(json.dumps({'classes': {'a': 1, 'b': 0, 'c': 1}, 'aim': 'f1', 'iou': 0.5}))
    run = ['test', str(tmp_path / 'config.py'), str(tmp_path / 'work/iter_2.pth'), '--work-dir', str(tmp_path / 'test')]
    main([*run, '--out', str(tmp_path / 'found.json'), '--thresholds', str(limits)])
    assert {one['category_id'] for one in json.loads((tmp_path / 'found.json').read_text())} == {1}
    with pytest.raises(SystemExit):
        main([*run, '--thresholds', str(tmp_path / 'none.json')])
    assert 'thresholds not found' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*run[:2], str(tmp_path / 'found.json'), '--thresholds', str(limits)])
    assert '--thresholds cannot be used with saved predictions' in capsys.readouterr().err
