"""Reading CIFAR: folders made here in the Hub's layout, and the real data where it is."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import datasets  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lehr.vision.data import CIFAR10, CIFAR100, Statistics, decode, load, stratified

TRAIN, TEST = 200, 30


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return file.getvalue()


def made_arrays(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def write(folder: Path, column: str = "label", classes: int = 10, *, kind: str = "PNG", image: str = "img") -> None:
    """A data set of `TRAIN` and `TEST` images with `classes` labels in turn."""
    for seed, (part, count) in enumerate({"train": TRAIN, "test": TEST}.items()):
        rows = {
            image: [{"bytes": encoded(pixels, kind), "path": None} for pixels in made_arrays(count, seed)],
            column: [i % classes for i in range(count)],
        }
        features = datasets.Features({image: datasets.Image(), column: datasets.Value("int64")})
        folder.mkdir(exist_ok=True)
        datasets.Dataset.from_dict(rows, features).to_parquet(folder / f"{part}-00000-of-00001.parquet")


def as_tensor(arrays: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(arrays).permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("column", "classes", "statistics", "kind"),
    [("label", 10, CIFAR10, "PNG"), ("fine_label", 100, CIFAR100, "WEBP")],
)
def test_a_folder_is_read_pixel_by_pixel(
    tmp_path: Path, column: str, classes: int, statistics: Statistics, kind: str
) -> None:
    write(tmp_path / "data", column, classes, kind=kind)
    splits = load(tmp_path / "data", validation=100, seed=3, augment_seed=5)
    assert splits.classes == classes
    assert [len(part) for part in splits[:3]] == [100, 100, TEST]
    assert all(part.statistics == statistics for part in splits[:3])
    assert [part.augmented for part in splits[:3]] == [True, False, False]
    assert splits.train.seed == 5
    assert torch.equal(splits.test.pixels, as_tensor(made_arrays(TEST, 1)))
    assert torch.equal(splits.test.labels, torch.arange(TEST) % classes)
    left, cut = stratified(torch.arange(TRAIN) % classes, 100, 3)
    for part, rows in ((splits.train, left), (splits.validation, cut)):
        assert torch.equal(part.pixels, as_tensor(made_arrays(TRAIN, 0))[rows])
        assert torch.equal(part.labels, rows % classes)


def test_a_folder_is_read_as_it_is_now(tmp_path: Path) -> None:
    """Also where its README names the files, as those of the Hub do."""
    readme = "---\nconfigs:\n- config_name: plain\n  data_files:\n  - split: train\n    path: train-*\n"
    readme += "  - split: test\n    path: test-*\n---\n"
    for folder, classes in (("one/data", 10), ("other/data", 5), ("one/data", 2)):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "README.md").write_text(readme)
        write(tmp_path / folder, classes=classes)
        assert torch.equal(load(tmp_path / folder, validation=0).test.labels, torch.arange(TEST) % classes)


def test_a_name_is_asked_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "data")
    asked: list[str] = []
    read = datasets.load_dataset

    def hub(name: str, cache_dir: None) -> datasets.DatasetDict:
        asked.append(name)
        return read(str(tmp_path / "data"))

    monkeypatch.setattr(datasets, "load_dataset", hub)
    monkeypatch.chdir(tmp_path)
    assert len(load("uoft-cs/cifar10", validation=20).train) == TRAIN - 20
    assert asked == ["uoft-cs/cifar10"]


def test_the_cut_does_not_touch_the_test_part_and_depends_on_the_seed_alone(tmp_path: Path) -> None:
    write(tmp_path / "data")
    one, same, other = (load(tmp_path / "data", validation=50, seed=seed, augment=False) for seed in (0, 0, 1))
    assert [part.fingerprint for part in one[:3]] == [part.fingerprint for part in same[:3]]
    assert one.validation.fingerprint != other.validation.fingerprint
    assert one.test.fingerprint == other.test.fingerprint
    assert not one.train.augmented


def test_nothing_need_be_cut_off(tmp_path: Path) -> None:
    write(tmp_path / "data")
    splits = load(tmp_path / "data", validation=0)
    assert [len(part) for part in splits[:3]] == [TRAIN, 0, TEST]


@pytest.mark.parametrize("count", [0, 50, 100, 101, 999])
def test_a_cut_has_of_every_class_its_share(count: int) -> None:
    labels = torch.arange(1000) % 10 // 2 % 4  # the first class is twice as large as the others
    left, cut = stratified(labels, count, 7)
    assert sorted([*left.tolist(), *cut.tolist()]) == list(range(1000))
    assert len(cut) == count
    assert torch.equal(cut, cut.sort().values)
    assert torch.equal(left, left.sort().values)
    share = labels.bincount(minlength=4) * count / 1000
    assert ((labels[cut].bincount(minlength=4) - share).abs() <= 1).all()


def test_every_row_can_be_cut_off() -> None:
    labels = torch.arange(200) % 10
    seen = torch.cat([stratified(labels, 20, seed)[1] for seed in range(60)]).bincount(minlength=200)
    assert (seen > 0).all()


def test_real_cifar_is_cut_in_equal_parts() -> None:
    for classes in (10, 100):
        _, cut = stratified(torch.arange(50000) % classes, 5000, 0)
        assert (torch.bincount(cut % classes) == 5000 // classes).all()


@pytest.mark.parametrize(
    ("folder", "column", "classes", "statistics"),
    [
        ("cifar10/plain_text", "label", 10, CIFAR10),
        ("cifar100/cifar100", "fine_label", 100, CIFAR100),
    ],
)
def test_statistics_are_those_of_the_real_images(
    shared_data: Path, folder: str, column: str, classes: int, statistics: Statistics
) -> None:
    """On 4,000 of 50,000 images, whose order is shuffled: a mean is then off by 0.002 as a rule."""
    root = shared_data / "uoft-cs" / folder
    if not root.is_dir():
        pytest.skip("CIFAR is not beside the project")
    import pyarrow.parquet  # type: ignore[import-untyped]

    file = pyarrow.parquet.ParquetFile(sorted(root.glob("train-*"))[0])
    rows = next(file.iter_batches(4000, columns=["img", column])).to_pydict()
    pixels = decode(cell["bytes"] for cell in rows["img"]) / 255
    assert pixels.mean((0, 2, 3)).tolist() == pytest.approx(statistics.mean, abs=0.006)
    assert pixels.transpose(0, 1).flatten(1).std(1).tolist() == pytest.approx(statistics.std, abs=0.006)
    assert set(rows[column]) == set(range(classes))


def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cifar11 is no folder here and no known data set; known are uoft-cs/cifar10 "):
        load("uoft-cs/cifar11")
    with pytest.raises(ValueError, match="cannot be read as a data set"):
        load(tmp_path)
    write(tmp_path / "column", "labels")
    with pytest.raises(ValueError, match="no column fine_label or label, so it is neither"):
        load(tmp_path / "column")
    write(tmp_path / "image", image="picture")
    with pytest.raises(ValueError, match=r"image, train: column 'img' is missing"):
        load(tmp_path / "image")
    write(tmp_path / "classes", "label", 11)
    with pytest.raises(ValueError, match=r"classes, train: labels in column 'label' go from 0 to 10, not to 9"):
        load(tmp_path / "classes")
    write(tmp_path / "part")
    with pytest.raises(ValueError, match="cannot cut 200 images for validation off 200"):
        load(tmp_path / "part", validation=200)
    (tmp_path / "part" / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(ValueError, match="has no test part; it has train"):
        load(tmp_path / "part", validation=20)


def test_a_file_that_is_no_image_of_that_size_is_named() -> None:
    good = encoded(made_arrays(1, 0)[0])
    with pytest.raises(ValueError, match="images: image 1 has 28 × 32 pixels, not 32 × 32"):
        decode([good, encoded(np.zeros((32, 28, 3), np.uint8))])
    for bad in (b"", b"no image", good[:-40], encoded(made_arrays(1, 0)[0], "BMP")):
        with pytest.raises(ValueError, match="train: image 1 is no whole PNG or WebP file"):
            decode([good, bad], "train")


def test_grey_images_are_read_as_colour() -> None:
    grey = np.arange(1024, dtype=np.uint16).reshape(32, 32).astype(np.uint8)
    assert torch.equal(decode([encoded(grey)])[0], torch.from_numpy(grey).expand(3, 32, 32))
