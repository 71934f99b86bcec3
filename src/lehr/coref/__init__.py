"""Coreference as it is learned: the network, its objectives, training, distilling, export."""
