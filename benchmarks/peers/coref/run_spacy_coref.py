"""spacy-coref's resolver with the encoder alone of its model: a bound from below of its time, memory and size.

The package holds no model, no description of its head and no code that exports it, only the names of the inputs and
outputs of a graph. This one has the published encoder (multilingual MiniLMv2, 12 layers of 384, from XLM-R) with random
weights, gathers the ends of the spans, and links nothing. `build` needs torch, transformers and onnx, which `run` does
not: it is run by the Python with lehr[train].
"""

from __future__ import annotations

import json
from pathlib import Path

from worker import Counts, Resolve, Text, main, novels

SPANS, WIDTH = 512, 5
"""The package's own defaults; what its published config.json says is not known."""


def build(folder: Path, texts: Path) -> None:
    import torch
    from tokenizers import SentencePieceBPETokenizer
    from transformers import XLMRobertaConfig, XLMRobertaModel

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = XLMRobertaModel(
                XLMRobertaConfig(
                    vocab_size=250002,
                    hidden_size=384,
                    num_hidden_layers=12,
                    num_attention_heads=12,
                    intermediate_size=1536,
                    max_position_embeddings=514,
                    type_vocab_size=1,
                    layer_norm_eps=1e-5,
                ),
                add_pooling_layer=False,
            )

        def forward(self, token_ids, mask, segment_concat_mask, offsets, spans):  # type: ignore[no-untyped-def]
            vectors = self.encoder(token_ids, attention_mask=segment_concat_mask.long()).last_hidden_state[0]
            first, last = (spans[0, :, side].clamp(min=0) for side in (0, 1))
            ends = vectors[offsets[0, first, 0]] + vectors[offsets[0, last, 1]]
            none = (ends[:, 0] * 0 + mask[0, 0] * 0).long()[None] - 1
            return spans, none[:, :, None] + 1, none

    folder.mkdir(parents=True, exist_ok=True)
    trained = SentencePieceBPETokenizer(unk_token="<unk>")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trained.train(novels(texts, 20), vocab_size=50000, special_tokens=special, show_progress=False)
    trained.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"max_spans": SPANS, "max_span_width": WIDTH}), "utf-8")
    torch.manual_seed(0)
    inputs = (
        torch.randint(4, 1000, (1, 9)),
        torch.ones(1, 7, dtype=torch.bool),
        torch.ones(1, 9, dtype=torch.bool),
        torch.tensor([[[n, n] for n in range(1, 8)]]),
        torch.tensor([[[0, 1]] * SPANS]),
    )
    names = ["token_ids", "mask", "segment_concat_mask", "offsets", "spans"]
    axes = {name: {1: name} for name in names[:4]}
    axes["segment_concat_mask"] = {1: "token_ids"}
    axes["offsets"] = {1: "mask"}
    torch.onnx.export(
        Graph().eval(),
        inputs,
        folder / "model.onnx",
        input_names=names,
        output_names=["top_spans", "antecedent_indices", "predicted_antecedents"],
        dynamic_axes=axes,
        dynamo=False,
    )


def load(folder: Path, threads: int) -> Resolve:
    import onnxruntime
    import spacy_coref.coref_resolver as package

    def session(path: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    package.init_onnxruntime_session = session  # the package has no other way to say how many threads
    resolver = package.CoreferenceResolver.from_pretrained(str(folder))

    def resolve(text: Text) -> Counts:
        resolver(text["sentences"])
        words = [word for sentence in text["sentences"] for word in sentence]
        pieces = len(resolver.tokenizer.encode(words, is_pretokenized=True).ids)
        return {"pieces": pieces}

    return resolve


if __name__ == "__main__":
    main(load, ["spacy-coref", "onnxruntime", "spacy"], build)
