"""The hook in trainings of tiny detectors: what it logs, what it refuses, and what it survives."""

import re

import numpy as np
import pytest
import torch
from mmdet.models.dense_heads import RetinaHead
from mmdet.registry import MODELS
from mmengine.hooks import EMAHook
from mmengine.runner import Runner
from torch import nn

from imbdet.dataset_equity import DatasetEquityHook, weight_gradient

from ..tiny_detectors import tiny_detector
from ..tiny_training import RUNS, make_runner, scalars, training_config, write_training_set
from .write_likelihoods import write_for

LIKELIHOODS = [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0]


def weight(likelihood, eta=1.0, gamma=5.0):
    """The formula, by hand."""
    return (eta + (1 - likelihood)**gamma) / (eta + 1)


@pytest.fixture
def equity(tmp_path):
    """A function that gives the hook's config; its file holds the eight images of the training set."""
    write_training_set(tmp_path)

    def config(likelihoods=LIKELIHOODS, **keys):
        return dict(type='DatasetEquityHook', likelihoods=str(write_for(tmp_path, likelihoods)), **keys)

    return config


@pytest.fixture
def train(tmp_path):
    """A function that trains and returns the logged lines and the weights."""
    def run(model, *hooks, **keys):
        work_dir = tmp_path / f'work_{len(list(tmp_path.glob("work_*")))}'
        runner = make_runner(tmp_path, model, hooks, work_dir=str(work_dir), **keys)
        runner.train()
        return scalars(work_dir), runner.model.state_dict()

    return run


@pytest.mark.parametrize('name', ['retinanet', 'yolox', 'mask-rcnn', 'dino'])
def test_weights_of_one_change_nothing(name, equity, train):
    _, plain = train(tiny_detector(name), max_iters=2)
    for apply_to in ('cls', 'all'):
        log, weighted = train(tiny_detector(name), equity([0.0] * 8, apply_to=apply_to), max_iters=2)
        assert [(line['equity_weight_mean'], line['equity_weight_min']) for line in log] == [(1, 1)] * 2
        for key, value in plain.items():
            assert torch.equal(value, weighted[key]), key
    _, weighted = train(tiny_detector(name), equity([0.5] * 8), max_iters=2)
    assert any(not torch.equal(value, weighted[key]) for key, value in plain.items())


def attach(folder, hook, name='retinanet', **keys):
    """A runner whose detector has the hook."""
    runner = make_runner(folder, tiny_detector(name), **keys)
    runner.model.init_weights()
    hook.before_train(runner)
    return runner


def batch_of(runner):
    return runner.model.data_preprocessor(next(iter(runner.train_dataloader)), True)


@pytest.mark.parametrize(('normalize', 'divisor'), [('none', 1), ('dataset', np.mean([weight(p) for p in LIKELIHOODS]))])
def test_log(normalize, divisor, equity, tmp_path):
    hook = DatasetEquityHook(equity()['likelihoods'], normalize=normalize)
    runner = attach(tmp_path, hook)
    batch = batch_of(runner)
    losses = runner.model(**batch, mode='loss')
    weights = [weight(LIKELIHOODS[sample.img_id]) / divisor for sample in batch['data_samples']]
    assert float(losses['equity_weight_mean']) == pytest.approx(np.mean(weights))
    assert float(losses['equity_weight_min']) == pytest.approx(min(weights))
    total, log = runner.model.parse_losses(losses)
    assert float(total) == pytest.approx(float(log['loss_cls'] + log['loss_bbox']))  # and no weight among the losses
    hook.after_train(runner)
    plain = runner.model(**batch, mode='loss')
    assert plain.keys() == {'loss_cls', 'loss_bbox'}
    for key in plain:
        assert all(torch.equal(*parts) for parts in zip(plain[key], losses[key], strict=True))


@pytest.mark.parametrize('eta', [0.3, 2.0])
def test_eta_and_gamma(eta, equity, tmp_path):
    runner = attach(tmp_path, DatasetEquityHook(equity()['likelihoods'], eta=eta, gamma=2.0))
    batch = batch_of(runner)
    weights = [weight(LIKELIHOODS[sample.img_id], eta, 2.0) for sample in batch['data_samples']]
    assert float(runner.model(**batch, mode='loss')['equity_weight_mean']) == pytest.approx(np.mean(weights))


def test_other_modes_are_left_alone(equity, tmp_path):
    """After a training step, on another number of images, which the file does not hold."""
    runner = attach(tmp_path, DatasetEquityHook(equity()['likelihoods']))
    batch = batch_of(runner)
    runner.model(**batch, mode='loss')
    single = dict(inputs=batch['inputs'][:1], data_samples=batch['data_samples'][:1])
    single['data_samples'][0].set_metainfo(dict(img_path='val.png'))
    assert isinstance(runner.model(**single, mode='tensor'), tuple)
    runner.model.eval()
    assert len(runner.model(**single, mode='predict')) == 1


@pytest.mark.parametrize(('on_missing', 'missing'), [
    ('mean', np.mean([weight(p) for p in LIKELIHOODS[:6]])), ('rare', 1.0)])
def test_missing_images(on_missing, missing, equity, tmp_path, train):
    config = equity(LIKELIHOODS[:6], on_missing=on_missing)
    log, _ = train(tiny_detector('retinanet'), config, max_iters=4, train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=1))
    seen = sum(line['equity_weight_mean'] for line in log) * 2  # four batches of two: every image once
    assert seen == pytest.approx(sum(weight(p) for p in LIKELIHOODS[:6]) + 2 * missing)


def test_missing_images_are_an_error_unless_allowed(equity, train, tmp_path):
    with pytest.raises(ValueError, match=re.escape('equity.npz holds no likelihood of 2 of 8 training images, such as')
                       + '.*6.png.*7.png; make it again, or choose on_missing'):
        train(tiny_detector('retinanet'), equity(LIKELIHOODS[:6]))
    write_for(tmp_path, LIKELIHOODS[:6], skipped=np.array(['images/6.png']))
    with pytest.raises(ValueError, match=r'1 images could not be read when it was made'):
        train(tiny_detector('retinanet'), dict(type='DatasetEquityHook', likelihoods=str(tmp_path / 'equity.npz')))
    write_for(tmp_path, [0.5], image_ids=np.array(['99']))
    with pytest.raises(ValueError, match='no likelihood of 8 of 8'):  # nothing to take a mean of
        train(tiny_detector('retinanet'), dict(type='DatasetEquityHook', likelihoods=str(tmp_path / 'equity.npz'),
                                               on_missing='mean'))


def test_a_file_of_other_images(equity, train, tmp_path):
    write_for(tmp_path, LIKELIHOODS, paths=np.array([f'images/other_{i}.png' for i in range(8)]))
    with pytest.raises(ValueError, match=r'image id 0 is .*0\.png in the data set but images/other_0\.png in the file'):
        train(tiny_detector('retinanet'), dict(type='DatasetEquityHook', likelihoods=str(tmp_path / 'equity.npz')))


def test_ids_that_collide_are_told_apart_by_path(tmp_path):
    """Two data sets with the same ids and names, joined."""
    for part in ('a', 'b'):
        write_training_set(tmp_path / part, num_images=2)
    write_for(tmp_path, [0.0, 0.2, 0.6, 1.0], image_ids=np.array(['0', '1', '0', '1']),
              paths=np.array(['a/images/0.png', 'a/images/1.png', 'b/images/0.png', 'b/images/1.png']))
    config = training_config(tmp_path, tiny_detector('retinanet'))
    single = config.train_dataloader.dataset
    config.train_dataloader.batch_size = 4
    config.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[
        dict(single, data_root=str(tmp_path / part)) for part in ('a', 'b')])
    config.experiment_name = f'collide_{next(RUNS)}'
    runner = Runner.from_cfg(config)
    DatasetEquityHook(tmp_path / 'equity.npz').before_train(runner)
    losses = runner.model(**batch_of(runner), mode='loss')
    assert float(losses['equity_weight_mean']) == pytest.approx(np.mean([weight(p) for p in (0, 0.2, 0.6, 1)]))


@MODELS.register_module()
class UncalledHead(RetinaHead):
    """A head that does not let hooks see its predictions."""

    def loss(self, x, batch_data_samples):
        return self.loss_by_feat(*self.forward(x), [sample.gt_instances for sample in batch_data_samples],
                                 [sample.metainfo for sample in batch_data_samples])


@MODELS.register_module()
class OwnHead(RetinaHead):
    """A kin of a head that is served."""


@MODELS.register_module()
class StackedHead(RetinaHead):
    """A head that returns a tensor for all levels."""

    def forward(self, x):
        return super().forward(x)[0][0], super().forward(x)[1]


def test_a_head_that_hooks_do_not_see(equity, train):
    with pytest.raises(ValueError, match='in the first batch no weight reached bbox_head: its predictions were made'):
        train(tiny_detector('retinanet', bbox_head=dict(type='UncalledHead')), equity())


def test_a_head_of_another_form(equity, train):
    with pytest.raises(ValueError, match=r'bbox_head \(StackedHead\) returns a tensor where a list of one for each level'):
        train(tiny_detector('retinanet', bbox_head=dict(type='StackedHead')), equity())


def test_kin_of_a_served_head_is_named(equity, train, tmp_path):
    train(tiny_detector('retinanet', bbox_head=dict(type='OwnHead')), equity(), max_iters=1)
    log, = tmp_path.glob('work_0/*/*.log')
    assert 'OwnHead is supported like the heads that it is derived from, but no test of imbdet covers it' in log.read_text()


def test_all_losses_are_the_default():
    assert DatasetEquityHook('equity.npz').apply_to == 'all'


class MaskOfItsOwn(nn.Module):
    """A head of masks of no family, next to heads that are known."""

    def __init__(self):
        super().__init__()
        self.loss_mask = nn.CrossEntropyLoss()


def test_what_only_classification_allows_is_an_error_that_says_so(equity, tmp_path):
    """And not silently less than all losses."""
    runner = make_runner(tmp_path, tiny_detector('faster-rcnn'))
    runner.model.mask_head = MaskOfItsOwn()
    path = equity()['likelihoods']
    with pytest.raises(ValueError, match=r"cannot weight mask_head \(MaskOfItsOwn: it is not known to which image each of its "
                       r"predictions belongs\) in the FasterRCNN with apply_to='all'. Write apply_to='cls' to weight the"):
        DatasetEquityHook(path).before_train(runner)
    DatasetEquityHook(path, apply_to='cls').before_train(runner)


def test_what_cannot_be_weighted_at_all_gets_no_advice(equity, tmp_path):
    runner = make_runner(tmp_path, tiny_detector('retinanet'))
    runner.model.extra = HeadOfItsOwn()
    with pytest.raises(ValueError, match=r"with apply_to='all'. docs/detector_families.md of imbdet lists what is supported"):
        DatasetEquityHook(equity()['likelihoods']).before_train(runner)


class HeadOfItsOwn(nn.Module):
    """A head of no family."""

    def __init__(self):
        super().__init__()
        self.loss_cls = nn.CrossEntropyLoss()
        self.loss_mask = nn.CrossEntropyLoss()


@pytest.mark.parametrize('apply_to', ['cls', 'all'])
def test_a_head_of_no_family(apply_to, equity, tmp_path):
    runner = make_runner(tmp_path, tiny_detector('retinanet'))
    runner.model.extra = HeadOfItsOwn()
    with pytest.raises(ValueError, match=r'cannot weight extra \(HeadOfItsOwn: it is not known to .* in the RetinaNet'):
        DatasetEquityHook(equity()['likelihoods'], apply_to=apply_to).before_train(runner)
    del runner.model.extra.loss_cls
    hook = DatasetEquityHook(equity()['likelihoods'], apply_to=apply_to)
    if apply_to == 'cls':  # what does not classify is no concern
        hook.before_train(runner)
    else:
        with pytest.raises(ValueError, match='cannot weight extra'):
            hook.before_train(runner)


def test_no_head_at_all(equity, tmp_path):
    runner = make_runner(tmp_path, tiny_detector('retinanet'))
    runner.model.bbox_head = nn.Identity()
    with pytest.raises(ValueError, match='found no head to weight in the RetinaNet'):
        DatasetEquityHook(equity()['likelihoods']).before_train(runner)


def test_samples_without_their_path(equity, tmp_path):
    runner = attach(tmp_path, DatasetEquityHook(equity()['likelihoods']))
    batch = batch_of(runner)
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(img_path=None))
    with pytest.raises(ValueError, match="PackDetInputs has to keep 'img_path'"):
        runner.model(**batch, mode='loss')
    batch['data_samples'][0].set_metainfo(dict(img_path='x.png'))
    batch['data_samples'][1].set_metainfo(dict(img_path='y.png'))
    with pytest.raises(ValueError, match='x.png is not among the images'):
        runner.model(**batch, mode='loss')


@pytest.mark.parametrize('name', ['retinanet', 'mask-rcnn', 'yolox', 'detr', 'dino'])
def test_no_boxes_in_the_batch(name, equity, tmp_path):  # fault 21
    config = equity()
    write_training_set(tmp_path, num_boxes=0)
    runner = attach(tmp_path, DatasetEquityHook(config['likelihoods'], apply_to='all'), name)
    loss, log = runner.model.parse_losses(runner.model(**batch_of(runner), mode='loss'))
    loss.backward()
    assert all(value.isfinite() for value in log.values())
    assert all(parameter.grad.isfinite().all() for parameter in runner.model.parameters() if parameter.grad is not None)


def test_ema_and_guided_loss_beside_it(equity, train):
    guided = dict(type='GuidedLossHook')
    plain, _ = train(tiny_detector('retinanet'), guided, max_iters=1)
    for hooks in ((guided, equity()), (equity(), guided), (dict(type='EMAHook'), equity(), guided)):
        log, _ = train(tiny_detector('retinanet'), *hooks, max_iters=2)
        assert log[0]['guided_weight_cls'] == pytest.approx(plain[0]['guided_weight_cls'])  # of unweighted losses
        assert log[0]['equity_weight_mean'] < 1
        assert log[0]['grad_norm'] < plain[0]['grad_norm']


def test_resume(equity, tmp_path):
    """Weights after a stop and a resume, with an EMA, are those without, bit for bit."""
    hooks = [equity(), dict(type='EMAHook')]
    states = {}
    for name, parts in (('whole', [3]), ('stopped', [1, 3])):
        for index, epochs in enumerate(parts):
            config = training_config(tmp_path, tiny_detector('retinanet'), hooks, flip=0)
            config.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs)
            config.default_hooks.checkpoint.by_epoch = config.log_processor.by_epoch = True
            config.update(work_dir=str(tmp_path / name), resume=index > 0, experiment_name=f'resume_{next(RUNS)}')
            runner = Runner.from_cfg(config)
            runner.train()
        states[name] = runner.model.state_dict()
        ema = next(hook for hook in runner.hooks if isinstance(hook, EMAHook))
        states[name].update({f'ema.{key}': value for key, value in ema.ema_model.state_dict().items()})
    for key, value in states['whole'].items():
        assert torch.equal(value, states['stopped'][key]), key


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weight_gradient(dtype):  # fault 21
    values = torch.tensor([[1e4, -1e4], [3, 4]], dtype=dtype, requires_grad=True)
    weighted = weight_gradient(values, torch.tensor([0.5, 0.75]), dim=1)
    assert torch.equal(weighted, values)
    gradient, = torch.autograd.grad((weighted * torch.tensor([[2, 4], [8, 16]], dtype=dtype)).sum(), values)
    assert gradient.dtype == dtype
    assert gradient.tolist() == [[1, 3], [4, 12]]
    frozen = torch.zeros(2)
    assert weight_gradient(frozen, torch.ones(2)) is frozen


def test_autocast(equity, tmp_path):
    """Mixed precision, as AMP has it, on a CPU in bfloat16: equal weights scale every gradient."""
    hook = DatasetEquityHook(equity([0.5] * 8)['likelihoods'], apply_to='all')
    runner = attach(tmp_path, hook)
    batch = batch_of(runner)
    gradients = []
    for _ in range(2):
        with torch.autocast('cpu', torch.bfloat16):
            loss, _ = runner.model.parse_losses(runner.model(**batch, mode='loss'))
        parameters = [parameter for parameter in runner.model.parameters() if parameter.requires_grad]
        gradients.append(torch.cat([part.flatten() for part in torch.autograd.grad(loss, parameters)]))
        hook.after_train(runner)
    weighted, plain = gradients
    assert (weighted - weight(0.5) * plain).norm() < 0.02 * plain.norm()  # bfloat16 has 8 bits
    assert (weighted - plain).norm() > 0.4 * plain.norm()


@pytest.mark.parametrize(('keys', 'message'), [
    (dict(eta=0), 'eta must be above 0'), (dict(gamma=-1), 'gamma must be at least 0'),
    (dict(apply_to='mask'), 'apply_to must be one of'),
    (dict(normalize='batch'), 'normalize must be one of'), (dict(on_missing='skip'), 'on_missing must be one of')])
def test_arguments_out_of_range(keys, message):
    with pytest.raises(ValueError, match=message):
        DatasetEquityHook('equity.npz', **keys)


def test_testing_does_without_the_file(tmp_path):
    hook = DatasetEquityHook(tmp_path / 'nowhere.npz')
    write_training_set(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'nowhere\.npz: no such file of likelihoods; imbdet likelihoods CONFIG'):
        hook.before_train(make_runner(tmp_path, tiny_detector('retinanet')))
