"""Old paths of modules and names that moved. They work until imbdet 0.3, with a DeprecationWarning that gives the new path."""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES: dict[str, str] = {
    'imbdet.annotations.checks': 'imbdet.data.dataset_checks',
    'imbdet.annotations.columns': 'imbdet.annotations.annotation_arrays',
    'imbdet.annotations.data_infos': 'imbdet.data.data_infos',
    'imbdet.annotations.fault_report': 'imbdet.annotations.file_checks',
    'imbdet.annotations.uses': 'imbdet.data.configured_datasets',
    'imbdet.checkpoints': 'imbdet.cli.resume',
    'imbdet.command_line': 'imbdet.cli.arguments',
    'imbdet.error_hints': 'imbdet.cli.did_you_mean',
    'imbdet.evaluation.error_kinds': 'imbdet.evaluation.tide_errors',
    'imbdet.evaluation.faster_coco_eval_backend': 'imbdet.evaluation.backends.faster_coco_eval_backend',
    'imbdet.evaluation.hotcoco_backend': 'imbdet.evaluation.backends.hotcoco_backend',
    'imbdet.evaluation.lvis_backend': 'imbdet.evaluation.backends.lvis_backend',
    'imbdet.evaluation.pycocotools_backend': 'imbdet.evaluation.backends.pycocotools_backend',
    'imbdet.images': 'imbdet.data.image_reader',
    'imbdet.mipa.pair_files': 'imbdet.mipa.read_pair',
    'imbdet.mipa.training_progress': 'imbdet.training.progress',
    'imbdet.pipelines': 'imbdet.data.wrappers',
    'imbdet.processes': 'imbdet.cli.gloo',
    'imbdet.random_state': 'imbdet.training.random_state',
    'imbdet.reports.class_curve': 'imbdet.reports.drawing.class_curve',
    'imbdet.reports.class_curve_hook': 'imbdet.reports.results.class_curve_hook',
    'imbdet.reports.class_weights': 'imbdet.reports.methods.class_weights',
    'imbdet.reports.detection_gallery': 'imbdet.reports.results.detection_gallery',
    'imbdet.reports.draw_pictures': 'imbdet.reports.dataset.epoch_figures',
    'imbdet.reports.epoch_draws': 'imbdet.repeat_sampling.simulated_epoch',
    'imbdet.reports.equity_report': 'imbdet.reports.methods.equity_report',
    'imbdet.reports.figures': 'imbdet.reports.drawing.figures',
    'imbdet.reports.grid_report': 'imbdet.reports.grid.grid_report',
    'imbdet.reports.grid_results': 'imbdet.reports.grid.grid_results',
    'imbdet.reports.imbalance': 'imbdet.reports.dataset.imbalance',
    'imbdet.reports.imbalance_findings': 'imbdet.reports.dataset.dataset_analysis',
    'imbdet.reports.imbalance_pictures': 'imbdet.reports.dataset.imbalance_pictures',
    'imbdet.reports.imbalance_report': 'imbdet.reports.dataset.imbalance_report',
    'imbdet.reports.imbalance_sections': 'imbdet.reports.dataset.report_text',
    'imbdet.reports.long_tail_numbers': 'imbdet.reports.results.long_tail_numbers',
    'imbdet.reports.long_tail_pictures': 'imbdet.reports.results.long_tail_pictures',
    'imbdet.reports.long_tail_report': 'imbdet.reports.results.long_tail_report',
    'imbdet.reports.long_tail_tables': 'imbdet.reports.results.long_tail_tables',
    'imbdet.reports.mixed_batch': 'imbdet.reports.methods.mixed_batch',
    'imbdet.reports.page': 'imbdet.reports.drawing.html_page',
    'imbdet.reports.paired_difference': 'imbdet.reports.grid.paired_difference',
    'imbdet.reports.suggestion': 'imbdet.reports.dataset.suggestion',
    'imbdet.repeat_sampling.label_counts': 'imbdet.repeat_sampling.legacy',
    'imbdet.runners': 'imbdet.training.detector',
    'imbdet.sampling_free.classification_heads': 'imbdet.heads.find_heads',
}
"""Where what an old module held is now, by the module's old path."""

NAMES: dict[str, str] = {
    'imbdet.annotations.AnnotationColumns': 'imbdet.annotations.annotation_arrays.AnnotationArrays',
    'imbdet.annotations.AnnotationUse': 'imbdet.data.configured_datasets.ConfiguredDataset',
    'imbdet.annotations.annotation_columns': 'imbdet.annotations.annotation_arrays.to_arrays',
    'imbdet.annotations.check_config': 'imbdet.data.dataset_checks.check_config',
    'imbdet.annotations.check_dataset_classes': 'imbdet.data.dataset_checks.check_dataset_classes',
    'imbdet.annotations.checks.class_names': 'imbdet.classes.names.class_names',
    'imbdet.annotations.class_names': 'imbdet.classes.names.class_names',
    'imbdet.annotations.columns.AnnotationColumns': 'imbdet.annotations.annotation_arrays.AnnotationArrays',
    'imbdet.annotations.columns.annotation_columns': 'imbdet.annotations.annotation_arrays.to_arrays',
    'imbdet.annotations.file_uses': 'imbdet.data.configured_datasets.configured_datasets',
    'imbdet.annotations.uses.AnnotationUse': 'imbdet.data.configured_datasets.ConfiguredDataset',
    'imbdet.annotations.uses.file_uses': 'imbdet.data.configured_datasets.configured_datasets',
    'imbdet.annotations.uses.lacking_location': 'imbdet.data.configured_datasets.missing_location',
    'imbdet.annotations.uses.takes_all_message': 'imbdet.data.configured_datasets.class_mismatch_message',
    'imbdet.checkpoints.check_whole': 'imbdet.cli.resume.check_complete',
    'imbdet.checkpoints.is_whole': 'imbdet.cli.resume.is_complete',
    'imbdet.command_line.RUN_ERROR': 'imbdet.cli.errors.RUN_ERROR',
    'imbdet.command_line.USAGE_ERROR': 'imbdet.cli.errors.USAGE_ERROR',
    'imbdet.command_line.build_runner': 'imbdet.cli.runs.build_runner',
    'imbdet.command_line.load_config': 'imbdet.cli.runs.load_config',
    'imbdet.command_line.one_line_errors': 'imbdet.cli.errors.one_line_errors',
    'imbdet.command_line.read_config': 'imbdet.cli.runs.read_config',
    'imbdet.command_line.report_annotations': 'imbdet.cli.runs.report_annotations',
    'imbdet.pipelines.parts_of': 'imbdet.data.wrappers.walk_dataset',
    'imbdet.processes.join_processes_on_cpu': 'imbdet.cli.gloo.init_gloo',
    'imbdet.processes.leave_processes': 'imbdet.cli.gloo.shutdown_gloo',
    'imbdet.random_state.random_state_kept': 'imbdet.training.random_state.preserve_rng_state',
    'imbdet.reports.epoch_draws.EpochDraws': 'imbdet.repeat_sampling.simulated_epoch.ResampledEpoch',
    'imbdet.sampling_free.classification_heads.HeadKind': 'imbdet.heads.head_specs.HeadSpec',
    'imbdet.sampling_free.classification_heads.KINDS': 'imbdet.heads.head_specs.HEAD_SPECS',
    'imbdet.runners.detector_of': 'imbdet.training.detector.unwrap_detector',
    'imbdet.evaluation.error_kinds.KINDS': 'imbdet.evaluation.tide_errors.ERROR_TYPES',
    'imbdet.evaluation.error_kinds.mended_ap50': 'imbdet.evaluation.tide_errors.ap50_without_errors',
    'imbdet.reports.class_curve.LEAST_FOR_A_LINE': 'imbdet.reports.drawing.class_curve.MIN_CLASSES_FOR_LINE',
    'imbdet.reports.class_curve.MOST_NAMES': 'imbdet.reports.drawing.class_curve.MAX_LABELED_CLASSES',
    'imbdet.reports.class_curve.window': 'imbdet.reports.drawing.class_curve.running_mean_width',
    'imbdet.reports.figures.GROUP_COLOURS': 'imbdet.reports.drawing.figures.GROUP_COLORS',
    'imbdet.reports.figures.RUN_COLOURS': 'imbdet.reports.drawing.figures.RUN_COLORS',
    'imbdet.reports.imbalance_pictures.SIZE_COLOURS': 'imbdet.reports.dataset.imbalance_pictures.SIZE_COLORS',
    'imbdet.reports.grid_report.differences_of': 'imbdet.reports.grid.grid_report.run_differences',
    'imbdet.reports.imbalance.short': 'imbdet.reports.dataset.imbalance.format_number',
    'imbdet.reports.imbalance_findings.Findings': 'imbdet.reports.dataset.dataset_analysis.DatasetAnalysis',
    'imbdet.reports.long_tail_numbers.Classes': 'imbdet.reports.results.long_tail_numbers.EvaluatedClasses',
    'imbdet.reports.long_tail_numbers.FileNumbers': 'imbdet.reports.results.long_tail_numbers.SeedResults',
}
"""Where a name is now, by its old path, if not in the new module under the old name."""


def find(old: str) -> Any:
    """Return what an old path names.

    Args:
        old: The old path of a name, such as ``'imbdet.pipelines.parts_of'``.

    Raises:
        AttributeError: If there was no such name.
    """
    module, _, name = old.rpartition('.')
    new = NAMES.get(old) or (f'{MODULES[module]}.{name}' if module in MODULES else None)
    if new is None:
        raise AttributeError(f'module {module!r} has no attribute {name!r}')
    new_module, _, new_name = new.rpartition('.')
    value = getattr(importlib.import_module(new_module), new_name)
    warnings.warn(f'{old} is {new} now; the old path goes away in imbdet 0.3', DeprecationWarning, stacklevel=3)
    return value


def names_of(module: str) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of a module for the names that moved out of it.

    Args:
        module: The module's path.
    """

    def getattribute(name: str) -> Any:
        return find(f'{module}.{name}')

    return getattribute


class _Loader(Loader):
    """Makes a module that has nothing but finds everything."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        vars(module)['__getattr__'] = names_of(module.__name__)


class _Finder(MetaPathFinder):
    """Finds the old modules. It is the last finder, so that it never shadows a module that exists."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname not in MODULES:
            return None
        return importlib.util.spec_from_loader(fullname, _Loader(), origin=f'moved to {MODULES[fullname]}')


def install() -> None:
    """Let the old paths be imported. Twice is once."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
