"""What a checkpoint brings, against a comparison with the weights after it was loaded."""

import json

import pytest
import torch

from imbdet.training_checks.check_weights_hook import CheckWeightsHook
from imbdet.training_checks.put_in import put_in

from ..tiny_detectors import tiny_detector
from ..tiny_training import CLASSES, make_runner, training_config, write_training_set


@pytest.fixture
def runner_of(tmp_path):
    """A function that makes the runner of a training of a detector, with weights to load."""
    write_training_set(tmp_path)

    def make(model, load_from=None, **keys):
        work_dir = tmp_path / f'work_{len(list(tmp_path.glob("work_*")))}'
        return make_runner(tmp_path, model, max_iters=1, work_dir=str(work_dir),
                           load_from=None if load_from is None else str(load_from), log_level='INFO', **keys)

    return make


@pytest.fixture
def trained(runner_of, tmp_path):
    """The checkpoint of a training of a RetinaNet of three classes."""
    runner = runner_of(tiny_detector('retinanet'))
    runner.train()
    path = tmp_path / 'trained.pth'
    runner.save_checkpoint(str(tmp_path), 'trained.pth')
    return path


def more_classes():
    model = tiny_detector('retinanet')
    model.bbox_head.num_classes = 5
    return model


def load(runner, run):
    """Load as before this kind of run."""
    put_in(runner, run)
    runner.load_or_resume()
    assert not runner.model._load_state_dict_post_hooks


@pytest.mark.parametrize('run', ['test', 'val', 'train'])
def test_weights_of_the_same_model_are_loaded(runner_of, trained, run):
    load(runner_of(tiny_detector('retinanet'), trained), run)
    load(runner_of(tiny_detector('retinanet'), trained, resume=True), run)


@pytest.mark.parametrize(('run', 'resume', 'what'), [('test', False, 'test'), ('val', False, 'val'), ('train', True, 'resume')])
def test_weights_of_another_number_of_classes_are_refused(runner_of, trained, run, resume, what):  # fault 33
    with pytest.raises(ValueError, match=rf'cannot {what} with the weights of .*trained\.pth.*new are bbox_head\.retina_cls '
                                         r'\((weight|bias) has shape 45( x|, ).*in the checkpoint 27'):
        load(runner_of(more_classes(), trained, resume=resume), run)


def test_a_training_that_starts_from_weights_says_what_is_new(runner_of, trained, mmengine_log):  # fault 33
    runner = runner_of(more_classes(), trained)
    text = mmengine_log()
    load(runner, 'train')
    saved = torch.load(trained, map_location='cpu', weights_only=False)['state_dict']
    own = {name.rpartition('.')[0] for name, _ in runner.model.named_parameters()}
    changed = {name.rpartition('.')[0] for name, value in runner.model.state_dict().items()
               if name in saved and torch.equal(value, saved[name])}
    kept = own & changed - {'bbox_head.retina_cls'}
    assert own - kept == {'bbox_head.retina_cls'}
    assert f'{len(kept)} of {len(own)} layers are from the checkpoint; new are bbox_head.retina_cls (' in text.text


def test_weights_of_which_none_fits(runner_of, tmp_path):  # fault 33
    torch.save({'state_dict': {'foo.weight': torch.zeros(2)}, 'meta': {}}, tmp_path / 'foreign.pth')
    with pytest.raises(ValueError, match=r'load_from=.*foreign\.pth fits no layer of the RetinaNet: 0 of'):
        load(runner_of(tiny_detector('retinanet'), tmp_path / 'foreign.pth'), 'train')
    with pytest.raises(ValueError, match=r'cannot test .*; of the checkpoint, the model does not have foo'):
        load(runner_of(tiny_detector('retinanet'), tmp_path / 'foreign.pth'), 'test')


def test_layers_that_the_model_does_not_have(runner_of, trained, mmengine_log):
    """A test does without them; a resumed training has no optimizer state for what is left."""
    checkpoint = torch.load(trained, map_location='cpu', weights_only=False)
    checkpoint['state_dict']['extra.weight'] = torch.zeros(2)
    torch.save(checkpoint, trained)
    runner = runner_of(tiny_detector('retinanet'), trained)
    text = mmengine_log()
    load(runner, 'test')
    assert 'of the checkpoint, the model does not have extra' in text.text
    with pytest.raises(ValueError, match=r'cannot resume .*does not have extra'):
        load(runner_of(tiny_detector('retinanet'), trained, resume=True), 'train')


def test_names_that_a_model_changes_while_it_loads(runner_of, trained, mmengine_log):
    """ModalityAgnosticDetector takes the checkpoint of its detector."""
    model = dict(type='ModalityAgnosticDetector', detector=tiny_detector('retinanet'),
                 modality_head=dict(type='PatchModalityHead', in_channels=16, stride=8, patch_size=8))
    runner = runner_of(model, trained)
    text = mmengine_log()
    load(runner, 'train')
    own = {name.rpartition('.')[0] for name, _ in runner.model.named_parameters()}
    new = {layer for layer in own if layer.startswith('modality_head.')}
    assert f'{len(own - new)} of {len(own)} layers are from the checkpoint; new are modality_head.' in text.text
    assert 'does not have' not in text.text


def test_resumed_with_ema(runner_of, trained, tmp_path):
    hooks = [dict(type='EMAHook')]
    runner = runner_of(tiny_detector('retinanet'), custom_hooks=hooks)
    runner.train()
    runner.save_checkpoint(str(tmp_path), 'ema.pth')
    again = runner_of(tiny_detector('retinanet'), tmp_path / 'ema.pth', resume=True, custom_hooks=hooks)
    again.train()
    assert sum(isinstance(hook, CheckWeightsHook) for hook in again.hooks) == 1


@pytest.fixture
def tester(trained, runner_of):
    """A function that tests the trained detector on a data set of some classes; the file has them in this order."""

    def test(classes):
        config = training_config(trained.parent, {}).train_dataloader
        path = trained.parent / 'test.json'
        content = json.loads((trained.parent / 'train.json').read_text())
        content['categories'] = [{'id': index, 'name': name} for index, name in enumerate(classes)]
        path.write_text(json.dumps(content))
        dataset = {**config.dataset, 'ann_file': path.name, 'metainfo': dict(classes=classes), 'test_mode': True}
        runner = runner_of(tiny_detector('retinanet'), trained, test_cfg=dict(type='TestLoop'), test_dataloader=dict(
            batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dataset),
                           test_evaluator=dict(type='CocoMetric', ann_file=str(path)))
        runner.test()

    return test


def test_weights_of_the_same_classes_in_another_order_are_refused(tester):  # fault 33
    tester(CLASSES)
    with pytest.raises(ValueError, match=r"same classes in another order \(in the training and here, label 0 is 'a' and 'b'\)"):
        tester(('b', 'a', 'c'))


def test_weights_of_other_classes_are_told(tester, tmp_path):
    tester((*CLASSES[:2], 'd'))
    logs = ''.join(path.read_text() for path in tmp_path.glob('work_*/*/*.log'))
    assert "were trained with other classes (in the training and here, label 2 is 'c' and 'd')" in logs


@pytest.mark.parametrize('run', ['test', 'train'])
def test_weights_that_are_not_numbers(runner_of, trained, run):
    checkpoint = torch.load(trained, weights_only=False)
    checkpoint['state_dict']['bbox_head.retina_cls.bias'][3] = float('nan')
    torch.save(checkpoint, trained)
    with pytest.raises(ValueError, match=r'trained\.pth has NaN or infinite weights in 1 tensors \(first: bbox_head'):
        load(runner_of(tiny_detector('retinanet'), trained), run)


def test_statistics_of_batch_norms_belong_to_their_layers(runner_of, trained):
    checkpoint = torch.load(trained, weights_only=False)
    del checkpoint['state_dict']['backbone.bn1.running_var']
    torch.save(checkpoint, trained)
    with pytest.raises(ValueError, match=r'new are backbone\.bn1 \(running_var not in the checkpoint\)'):
        load(runner_of(tiny_detector('retinanet'), trained), 'test')


def test_classes_of_a_checkpoint_of_mmdet_2(tester, trained):
    checkpoint = torch.load(trained, weights_only=False)
    checkpoint['meta'] = {'CLASSES': CLASSES, 'iter': 1, 'epoch': 0}
    torch.save(checkpoint, trained)
    with pytest.raises(ValueError, match='same classes in another order'):
        tester(('b', 'a', 'c'))
