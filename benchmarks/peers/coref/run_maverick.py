"""Maverick-mes: DeBERTa-v3-large with multi-expert scorers, its weights random, by Maverick's own classes.

It keeps what scores above one half, which random weights leave to chance: the logits of its two classifiers are shifted
so that every text gets as many starts and mentions a word as LitBank has. It gets sentences of words, since what it
needs for running text (en_core_web_sm, which it loads anew at every call, and NLTK's punkt) is not on PyPI.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from worker import Counts, Resolve, Text, main, novels

ENCODER: dict[str, Any] = {
    "vocab_size": 128100,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 512,
    "type_vocab_size": 0,
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": "p2c|c2p",
    "max_relative_positions": -1,
    "position_biased_input": False,
    "layer_norm_eps": 1e-7,
}
"""As microsoft/deberta-v3-large."""
STARTS, MENTIONS = 0.131, 0.138
"""A word, in all of LitBank."""


def build(folder: Path, texts: Path) -> None:
    import pytorch_lightning
    import torch
    from maverick.models.pl_modules import BasePLModule
    from tokenizers import SentencePieceBPETokenizer
    from transformers import DebertaV2Config, DebertaV2Model, DebertaV2TokenizerFast

    encoder = folder / "encoder"
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    trained = SentencePieceBPETokenizer(unk_token="[UNK]")
    trained.train(novels(texts, 20), vocab_size=50000, special_tokens=special, show_progress=False)
    encoder.mkdir(parents=True, exist_ok=True)
    trained.save(str(encoder / "trained.json"))
    DebertaV2TokenizerFast(tokenizer_file=str(encoder / "trained.json")).save_pretrained(encoder)
    (encoder / "trained.json").unlink()
    torch.manual_seed(0)
    DebertaV2Model(DebertaV2Config(**ENCODER)).save_pretrained(encoder)

    parameters = {
        "_target_": "maverick.models.model_mes.Maverick_mes",
        "huggingface_model_name": str(encoder.resolve()),
        "span_representation": "concat_start_end",
        "freeze_encoder": False,
    }
    module = BasePLModule(model=parameters)
    checkpoint = {
        "state_dict": module.state_dict(),
        "hyper_parameters": {"model": parameters},
        "pytorch-lightning_version": pytorch_lightning.__version__,
    }
    torch.save(checkpoint, folder / "weights.ckpt")


def load(folder: Path, threads: int) -> Resolve:
    import torch
    from maverick import Maverick

    torch.set_num_threads(threads)
    model = Maverick(str(folder), device="cpu")
    network = model.model
    words = 0
    seen: dict[str, int] = {}

    def shifted(share: float) -> Any:
        def hook(_: Any, __: Any, logits: Any) -> Any:
            passing = round(share * words)
            return logits - logits.flatten().topk(passing + 1).values[-1] if passing < logits.numel() else logits

        return hook

    def watch(_: Any, __: Any, arguments: Any, output: Any) -> None:
        seen.update(pieces=arguments["input_ids"].shape[1], kept=output["pred_dict"]["mention_idxs"][0].shape[0])

    network.start_token_classifier.register_forward_hook(shifted(STARTS))
    network.start_end_classifier.register_forward_hook(shifted(MENTIONS))
    network.register_forward_hook(watch, with_kwargs=True)

    def resolve(text: Text) -> Counts:
        nonlocal words
        words = sum(map(len, text["sentences"]))
        model.predict(text["sentences"])
        return dict(seen)

    return resolve


if __name__ == "__main__":
    main(load, ["maverick-coref", "torch", "transformers", "spacy"], build)
