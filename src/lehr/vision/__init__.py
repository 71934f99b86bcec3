"""Image classification on CIFAR: the networks of the distillation literature, and the data as one tensor."""

from __future__ import annotations

from .data import CIFAR10, CIFAR100, Images, Splits, Statistics, collate, load
from .networks import NAMES, Plain, ResNet, network

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "NAMES",
    "Images",
    "Plain",
    "ResNet",
    "Splits",
    "Statistics",
    "collate",
    "load",
    "network",
]
