"""The file that the benchmark of the imbalance report makes."""

import json

import pytest

from imbdet.reports import analyze_dataset, write_imbalance_report


def test_file_of_the_benchmark(load_tool, monkeypatch, tmp_path):
    """It has the counts that it was made with, and its own check sees when it has not."""
    benchmark = load_tool('benchmarks/imbalance_report.py')
    monkeypatch.setattr(benchmark, 'NUM_IMAGES', 200)
    counts = [{'name': f'class {index}', 'frequency': 'c', 'image_count': str(1 + index), 'instance_count': str(2 + 3 * index)}
              for index in range(40)]
    benchmark.write_annotations(tmp_path / 'train.json', counts)
    write_imbalance_report(tmp_path, analyze_dataset(tmp_path / 'train.json'))
    numbers = json.loads((tmp_path / 'report.json').read_text())
    benchmark.check(numbers, counts)
    assert [row['boxes'] for row in numbers['classes']] == [2 + 3 * index for index in range(40)]
    counts[3]['instance_count'] = '4'
    with pytest.raises(RuntimeError, match='are not those that the file was made with'):
        benchmark.check(numbers, counts)
