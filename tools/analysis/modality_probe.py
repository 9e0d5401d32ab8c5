"""Probe how much a trained backbone knows about the camera: ``tools/analysis/modality_probe.py CONFIG CHECKPOINT``."""

import argparse
from pathlib import Path

import imbdet  # noqa: F401  first: it checks the installation

# isort: split
from mmengine.registry import init_default_scope

from imbdet.cli.arguments import run_tool
from imbdet.cli.resume import check_complete
from imbdet.cli.runs import load_config
from imbdet.reports import probe_modality, probe_table


def run(arguments: argparse.Namespace) -> None:
    """Print the accuracy of each stage."""
    cfg = load_config(arguments.config)
    check_complete(arguments.checkpoint)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    results, num_pairs = probe_modality(cfg, arguments.checkpoint, arguments.number, arguments.stages, arguments.cells,
                                        arguments.seed)
    print(probe_table(results, num_pairs))


def main() -> None:
    """Read the command line and probe."""
    parser = argparse.ArgumentParser(description='Probe how much the stages of a trained backbone know about the camera')
    parser.add_argument('config', type=Path, help='config file path; its test_dataloader contains a PairedCocoDataset')
    parser.add_argument('checkpoint', type=Path, help='checkpoint file')
    parser.add_argument('--number', type=int, default=500, help='most pairs to use (default: %(default)s)')
    parser.add_argument('--stages', type=int, nargs='+', help='outputs of the backbone, from 0 (default: all)')
    parser.add_argument('--cells', type=int, default=16, help='feature cells per image (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of pairs, cells and halves (default: %(default)s)')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
