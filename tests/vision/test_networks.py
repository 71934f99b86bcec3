"""Networks against published sizes and against layers counted by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lehr.vision.networks import NAMES, Plain, ResNet, network


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def layers(module: nn.Module) -> int:
    """Convolutions and linear layers, shortcuts left out."""
    return sum(
        isinstance(layer, (nn.Conv2d, nn.Linear)) and "shortcut" not in name for name, layer in module.named_modules()
    )


@pytest.mark.parametrize(("depth", "millions"), [(20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.73")])
def test_sizes_are_those_of_the_paper_with_its_shortcuts(depth: int, millions: str) -> None:
    """He et al., table 6; it gives the last as 1.7M."""
    assert f"{parameters(ResNet(depth, 10, 'padding')) / 1e6:.2f}" == millions


def test_the_smallest_residual_network_counted_by_hand() -> None:
    stem = 3 * 9 * 16 + 2 * 16
    first = 2 * (16 * 9 * 16 + 2 * 16)
    second = (16 + 32) * 9 * 32 + 4 * 32
    third = (32 + 64) * 9 * 64 + 4 * 64
    shortcuts = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    linear = 64 * 10 + 10
    assert parameters(ResNet(8, 10, "padding")) == stem + first + second + third + linear
    assert parameters(network("resnet8", 10)) == stem + first + second + third + shortcuts + linear == 78042


@pytest.mark.parametrize(("name", "classes", "millions"), [("resnet20", 10, "0.27"), ("resnet110", 100, "1.74")])
def test_convolutions_as_shortcuts_add_little(name: str, classes: int, millions: str) -> None:
    assert f"{parameters(network(name, classes)) / 1e6:.2f}" == millions


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("resnet")])
def test_a_residual_networks_name_says_its_layers(name: str) -> None:
    assert layers(network(name, 10)) == int(name.removeprefix("resnet"))


@pytest.mark.parametrize("classes", [10, 100])
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("plain")])
def test_a_plain_networks_name_says_its_convolutions(name: str, classes: int) -> None:
    convolutions = int(name.removeprefix("plain"))
    assert layers(network(name, classes)) == convolutions + (2 if convolutions >= 8 else 1)


@pytest.mark.parametrize(
    ("depth", "classes", "count"),
    [
        (2, 10, (3 * 9 + 3) * 16 + (16 * 9 + 3) * 16 + (16 * 64 + 1) * 10),
        (2, 100, (3 * 9 + 3) * 32 + (32 * 9 + 3) * 32 + (32 * 64 + 1) * 100),
        (4, 10, (3 * 9 + 3) * 16 + (16 * 9 + 3) * 48 + (32 * 9 + 3) * 32 + (32 * 64 + 1) * 10),
        # Six convolutions for 100 classes: no pooling after the last, so 8 × 8 pixels reach the linear layer.
        (
            6,
            100,
            (3 * 9 + 3) * 32 + (32 * 9 + 3) * 96 + (64 * 9 + 3) * 192 + (128 * 9 + 3) * 128 + (128 * 64 + 1) * 100,
        ),
        # Four poolings leave 2 × 2 pixels; a hidden layer of 64 stands before the last.
        (
            8,
            10,
            (3 * 9 + 3) * 16
            + (16 * 9 + 3) * 48
            + (32 * 9 + 3) * 96
            + (64 * 9 + 3) * 192
            + (128 * 9 + 3) * 128
            + (128 * 4 + 1) * 64
            + 65 * 10,
        ),
    ],
)
def test_plain_networks_counted_by_hand(depth: int, classes: int, count: int) -> None:
    """A convolution has 9 weights for each pair of channels and a bias, and its normalisation two numbers more."""
    assert parameters(Plain(depth, classes)) == count


@pytest.mark.parametrize(
    ("name", "classes"),
    [*((name, 10) for name in NAMES), *((name, 100) for name in NAMES if name.startswith("plain")), ("resnet8", 3)],
)
def test_logits_are_given_for_every_class_and_reach_every_weight(name: str, classes: int) -> None:
    model = network(name, classes)
    logits: Tensor = model(torch.randn(2, 3, 32, 32))
    assert logits.shape == (2, classes)
    assert logits.isfinite().all()
    gradients = torch.autograd.grad(logits.square().sum(), list(model.parameters()))  # refuses what has no part in it
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("model", [ResNet(8, 10), ResNet(8, 10, "padding"), Plain(4, 10)])
def test_the_memory_layout_of_the_images_does_not_matter(model: nn.Module) -> None:
    images = torch.randn(3, 3, 32, 32)
    model.eval()
    torch.testing.assert_close(model(images.contiguous(memory_format=torch.channels_last)), model(images))


def test_the_papers_shortcut_skips_pixels_and_adds_zero_channels() -> None:
    block = ResNet(8, 10, "padding").get_submodule("blocks.1.shortcut")
    hidden = torch.randn(2, 16, 32, 32)
    shortcut: Tensor = block(hidden)
    assert shortcut.shape == (2, 32, 16, 16)
    assert torch.equal(shortcut[:, :16], hidden[:, :, ::2, ::2])
    assert not shortcut[:, 16:].any()


def test_convolutions_begin_as_he_et_al_have_it() -> None:
    torch.manual_seed(0)
    weight = ResNet(8, 10).get_parameter("blocks.2.residual.0.weight")
    assert weight.shape == (64, 32, 3, 3)
    assert weight.detach().var().item() == pytest.approx(2 / (9 * 64), rel=0.05)


def test_weights_are_contiguous_so_that_safetensors_takes_them() -> None:
    assert all(tensor.is_contiguous() for tensor in network("resnet8", 10).state_dict().values())


def test_what_is_unknown_is_refused_with_what_is_known() -> None:
    with pytest.raises(ValueError, match=r"no network is named 'resnet18'; known are resnet8, .*, plain10$"):
        network("resnet18", 10)
    with pytest.raises(ValueError, match=r"6n \+ 2 layers.* not 2$"):
        ResNet(2, 10)
    with pytest.raises(ValueError, match="known are convolution, padding"):
        ResNet(8, 10, "projection")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2, 4, 6, 8, 10 convolutions, and not 3"):
        Plain(3, 10)
