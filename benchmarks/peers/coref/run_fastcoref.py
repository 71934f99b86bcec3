"""F-coref: distilroberta-base with an s2e head, its weights random, by fastcoref's own classes.

It gets running text and one document a call. Its spaCy pipeline, of which it uses the tokenizer, is the blank English
one, since en_core_web_sm is not on PyPI: that saves it a little time, memory and room.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from worker import Counts, Resolve, Text, main, novels

CONFIG: dict[str, Any] = {
    "vocab_size": 50265,
    "hidden_size": 768,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
    "coref_head": {
        "max_segment_len": 512,
        "max_span_length": 30,
        "top_lambda": 0.25,
        "ffnn_size": 1024,
        "dropout_prob": 0.3,
    },
}
"""distilroberta-base, and the head as F-coref's model has it; top_lambda is the share of spans kept per piece."""


def build(folder: Path, texts: Path) -> None:
    import torch
    from fastcoref.coref_models.modeling_fcoref import FCorefModel
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    trained = ByteLevelBPETokenizer(add_prefix_space=True)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train(novels(texts, 20), vocab_size=CONFIG["vocab_size"], special_tokens=special, show_progress=False)
    trained.save_model(str(folder))
    files = [str(folder / name) for name in ("vocab.json", "merges.txt")]
    RobertaTokenizerFast(*files, add_prefix_space=True).save_pretrained(folder)
    torch.manual_seed(0)
    FCorefModel(RobertaConfig(**CONFIG)).save_pretrained(folder)


def load(folder: Path, threads: int) -> Resolve:
    import spacy
    import torch
    from fastcoref import FCoref

    torch.set_num_threads(threads)
    model = FCoref(str(folder), device="cpu", nlp=spacy.blank("en"), enable_progress_bar=False)
    pieces: list[int] = []
    model.model.register_forward_pre_hook(lambda _, batch: pieces.append(int(batch[0]["length"][0])))

    def resolve(text: Text) -> Counts:
        result = model.predict(text["text"])
        result.get_clusters(as_strings=False)
        return {"pieces": pieces.pop(), "kept": result.coref_logit.shape[0]}

    return resolve


if __name__ == "__main__":
    main(load, ["fastcoref", "torch", "transformers", "spacy"], build)
