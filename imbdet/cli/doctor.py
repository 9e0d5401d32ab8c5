"""``imbdet doctor [CONFIG]``: check the installation, or a config with its data, and print how to fix problems.

Without a config, it reads package metadata before it imports a package, so that it works if torch or mmdet is missing or
broken. With one, it builds everything that a training builds and compares it, but trains nothing.
"""

import argparse
import platform
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import imbdet
from imbdet.cli.doctor_checks import find_problems
from imbdet.cli.errors import RUN_ERROR
from imbdet.distributions import OPENMMLAB, distribution_names, installed_version, is_onedl

OPTIONAL = {
    'matplotlib': 'pictures and reports',
    'hotcoco': 'LVIS evaluation in a second',
    'faster-coco-eval': 'fast COCO evaluation',
    'faiss-cpu': 'k-means of many images',
    'timm': 'embeddings by networks such as DINOv2',
}
"""Optional packages and their purpose."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb, and the exit code to the help."""
    parser.add_argument('config', nargs='?', help='config to check with its data, instead of the installation')
    parser.add_argument('--cfg-options', nargs='+', action='extend', metavar='KEY=VALUE',
                        help='override settings of the config: key=value pairs')
    parser.epilog = 'The exit code is 0 without problems, else 1; warnings are no problems.'


def package_lines() -> Iterator[tuple[str, str]]:
    """Yield a label and a description for each package."""
    yield 'imbdet', f'{imbdet.__version__} ({Path(imbdet.__file__).parent})'
    yield 'Python', f'{platform.python_version()} ({sys.executable}), {platform.platform()}'
    for name in ('torch', 'torchvision', 'numpy', 'pycocotools', 'lvis'):
        yield name, installed_version(name) or 'not installed'
    yield 'stack', 'onedl' if is_onedl() else 'openmmlab'
    for package in OPENMMLAB:
        found = [f'{version} ({name})' for name in distribution_names(package) if (version := installed_version(name))]
        yield package, ' and '.join(found) or 'not installed'
    for name, purpose in OPTIONAL.items():
        yield name, installed_version(name) or f'not installed; optional, for {purpose}'


def gpu_lines() -> Iterator[tuple[str, str]]:
    """Yield a label and a description for each GPU that torch detects; torch has to be importable."""
    import torch

    built_for = f'torch is built for CUDA {torch.version.cuda}' if torch.version.cuda else 'torch is built without CUDA'
    if not torch.cuda.is_available():
        yield 'GPU', f'none that torch can use; {built_for}'
        return
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield f'GPU {index}', f'{properties.name}, {properties.total_memory / 2**30:.0f} GiB; {built_for}'


def run(arguments: argparse.Namespace) -> None:
    """Print everything, and exit with code 1 if there is a problem."""
    if arguments.config is not None:
        print_findings(arguments)
        return
    for label, text in package_lines():
        print(f'{label:<17} {text}')
    problems, broken = find_problems()
    if 'torch' not in broken:
        for label, text in gpu_lines():
            print(f'{label:<17} {text}')
    if not problems:
        from imbdet.mmcv_ops import ops_in_use
        print(f'{ops_in_use()}\n\nNothing is wrong.')
        return
    print(f'\n{len(problems)} problem{"s" if len(problems) > 1 else ""}:')
    for problem in problems:
        print(f'- {problem}')
    raise SystemExit(RUN_ERROR)


def print_findings(arguments: argparse.Namespace) -> None:
    """Check a config, print each finding when it is made, and exit with code 1 if one is an error."""
    from imbdet.cli.arguments import parse_options
    from imbdet.cli.doctor_config import examine_config
    from imbdet.cli.runs import load_config

    if arguments.config.endswith('.json'):
        raise ValueError(f"{arguments.config} is not a config; 'imbdet report {arguments.config}' lists the faults of an "
                         'annotation file')
    cfg = load_config(arguments.config)
    if arguments.cfg_options is not None:
        cfg.merge_from_dict(parse_options(arguments.cfg_options))
    levels: Counter[str] = Counter()
    for result in examine_config(cfg):
        levels[result.level] += 1
        print(f'{result.level:<11} {result.check}: {result.text}', flush=True)
    counts = ' and '.join(f'{levels[level]} {level}{"" if levels[level] == 1 else "s"}' for level in ('error', 'warning'))
    print(f'\n{arguments.config}: {counts}')
    if levels['error']:
        raise SystemExit(RUN_ERROR)
