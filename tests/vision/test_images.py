"""Images as a data set: augmentation against a loop, views, fingerprints, batches."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from lehr.vision.data import CIFAR10, CIFAR100, Images, collate, crop_and_flip


def made_pixels(count: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)


def made(count: int = 12, *, augmented: bool = True, seed: int = 0) -> Images:
    return Images(made_pixels(count), torch.arange(count) % 10, CIFAR10, augmented=augmented, seed=seed)


def cropped_and_flipped(image: Tensor, top: int, left: int, flip: bool) -> Tensor:
    """One image (3, 32, 32), pixel by pixel, with 4 black pixels around it."""
    result = torch.zeros_like(image)
    for row in range(32):
        for column in range(32):
            y, x = row + top - 4, column + left - 4
            if 0 <= y < 32 and 0 <= x < 32:
                result[:, row, 31 - column if flip else column] = image[:, y, x]
    return result


offsets = st.tuples(st.integers(0, 8), st.integers(0, 8), st.booleans())


@settings(max_examples=20, deadline=None)
@given(st.lists(offsets, min_size=1, max_size=4), st.booleans())
def test_a_batch_is_cut_and_flipped_as_each_image_alone(drawn: list[tuple[int, int, bool]], last: bool) -> None:
    images = made_pixels(len(drawn))
    if last:
        images = images.contiguous(memory_format=torch.channels_last)
    top, left, flip = (torch.tensor(column) for column in zip(*drawn, strict=True))
    result = crop_and_flip(images, top, left, flip)
    assert result.is_contiguous(memory_format=torch.channels_last)
    expected = [cropped_and_flipped(image, *draw) for image, draw in zip(images, drawn, strict=True)]
    assert torch.equal(result, torch.stack(expected))


def test_the_middle_of_the_padded_image_is_the_image() -> None:
    images, four = made_pixels(3), torch.full((3,), 4)
    assert torch.equal(crop_and_flip(images, four, four, torch.zeros(3, dtype=torch.bool)), images)
    assert torch.equal(crop_and_flip(images, four, four, torch.ones(3, dtype=torch.bool)), images.flip(3))


def test_without_augmentation_a_batch_is_only_normalised() -> None:
    images = made(augmented=False)
    batch = images.__getitems__([5, 2])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in CIFAR10)
    torch.testing.assert_close(batch["images"], (made_pixels()[[5, 2]] / 255 - mean) / std)
    assert batch["images"].dtype == torch.float32
    assert batch["images"].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(batch["labels"], torch.tensor([5, 2]))


def test_black_is_added_before_normalising() -> None:
    white = Images(torch.full((50, 3, 32, 32), 255, dtype=torch.uint8), torch.zeros(50).long(), CIFAR10, augmented=True)
    values = sorted(set(white.__getitems__(range(50))["images"][:, 0].flatten().tolist()))
    expected = [-CIFAR10.mean[0] / CIFAR10.std[0], (1 - CIFAR10.mean[0]) / CIFAR10.std[0]]
    assert values == pytest.approx(expected, abs=1e-5)


def test_a_view_of_an_image_is_the_same_in_every_batch() -> None:
    images = made(12).view(3)
    whole = images.__getitems__(range(12))
    for batch in ([7], [7, 1, 11], [0, 7, 7, 2, 5]):
        found = made(12).view(3).__getitems__(batch)
        assert torch.equal(found["images"], whole["images"][batch])
        assert torch.equal(found["labels"], whole["labels"][batch])
    assert torch.equal(images[7]["images"], whole["images"][7])
    assert torch.equal(images[-1]["images"], whole["images"][11])


def test_views_and_seeds_differ_and_a_view_can_be_had_again() -> None:
    images = made(40)
    seen = [images.view(v).__getitems__(range(40))["images"] for v in (0, 1, 2)]
    seen.append(made(40, seed=1).__getitems__(range(40))["images"])
    for i, one in enumerate(seen):
        for other in seen[:i]:
            same = (one == other).flatten(1).all(1).sum()
            assert same < 5  # one in 162 images is drawn alike by chance
    assert torch.equal(images.view(2).view(1).__getitems__(range(40))["images"], seen[1])
    assert torch.equal(images.__getitems__(range(40))["images"], seen[0])


def test_crops_and_flips_are_drawn_evenly() -> None:
    count = 9000
    images = Images(
        torch.zeros(count, 3, 32, 32, dtype=torch.uint8), torch.zeros(count).long(), CIFAR10, augmented=True
    )
    top, left, flip = images.view(4)._draws
    for corner in (top, left):
        assert ((corner.bincount(minlength=9) - 1000).abs() < 150).all()
    assert 0.47 < flip.float().mean() < 0.53
    assert abs(float(torch.corrcoef(torch.stack([top, left, flip]).float())[0, 1:].abs().max())) < 0.05


def test_without_augmentation_every_view_is_the_data_set_itself() -> None:
    images = made(augmented=False)
    assert images.view(5) is images
    assert not images.augmented
    assert made().augmented


def test_the_fingerprint_changes_with_whatever_changes_a_batch() -> None:
    images = made()
    other_pixels, other_labels = made_pixels(), torch.arange(12) % 10
    other_pixels[3, 1, 4, 1] ^= 1
    other_labels[5] = 9
    different = [
        images,
        images.view(1),
        made(seed=1),
        made(augmented=False),
        made(11),
        Images(other_pixels, images.labels, CIFAR10, augmented=True),
        Images(made_pixels(), other_labels, CIFAR10, augmented=True),
        Images(made_pixels(), images.labels, CIFAR100, augmented=True),
    ]
    assert len({data.fingerprint for data in different}) == len(different)
    assert images.fingerprint == made().fingerprint == made().view(2).view(0).fingerprint
    assert len(images.fingerprint) == 64
    assert made(augmented=False).fingerprint == made(augmented=False, seed=1).fingerprint
    last = Images(made_pixels().contiguous(memory_format=torch.channels_last), images.labels, CIFAR10, augmented=True)
    assert last.fingerprint == images.fingerprint


def test_collate_leaves_a_batch_as_it_is_and_makes_one_of_items() -> None:
    images = made()
    batch = images.__getitems__([3, 1])
    assert collate(batch) is batch
    stacked = collate([images[3], images[1]])
    for key, value in batch.items():
        assert torch.equal(stacked[key], value)
        assert stacked[key].stride() == value.stride()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_gives_whole_batches(workers: int) -> None:
    images = made().view(1)
    loader = DataLoader(Subset(images, [9, 4, 2, 0, 7]), batch_size=2, collate_fn=collate, num_workers=workers)
    batches = list(loader)
    assert [batch["labels"].tolist() for batch in batches] == [[9, 4], [2, 0], [7]]
    assert torch.equal(batches[1]["images"], images.__getitems__([2, 0])["images"])


def test_a_data_set_goes_to_another_process_whole() -> None:
    images = made().view(2)
    again: Images = pickle.loads(pickle.dumps(images))
    assert again.fingerprint == images.fingerprint
    assert torch.equal(again[5]["images"], images[5]["images"])


def test_positions_that_are_not_there_are_refused_and_an_empty_set_is_none() -> None:
    with pytest.raises(IndexError):
        made()[12]
    with pytest.raises(IndexError):
        made().__getitems__([3, 12])
    assert len(made(0)) == 0
    assert made(0).__getitems__([])["images"].shape == (0, 3, 32, 32)
    assert len(made(0).fingerprint) == 64


def test_tensors_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pixels uint8 \(N, 3, 32, 32\), found torch.float32 \(2, 3, 32, 32\)"):
        Images(torch.zeros(2, 3, 32, 32), torch.zeros(2).long(), CIFAR10)
    with pytest.raises(ValueError, match=r"labels int64 \(12,\), found torch.int64 \(11,\)"):
        Images(made_pixels(), torch.zeros(11).long(), CIFAR10)
