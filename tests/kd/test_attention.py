from __future__ import annotations

from pathlib import Path

import pytest
import torch
from test_tokens import padded
from torch import nn
from transformers import AutoModel, BertConfig, BertForSequenceClassification, BertModel, ModernBertConfig

from lehr.kd.attention import SHORT, attention_in_parts
from lehr.kd.distillation import distill
from lehr.kd.stages import Stage

SIZES = {
    "vocab_size": 100,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "attention_probs_dropout_prob": 0.0,
    "hidden_dropout_prob": 0.0,
}
IDS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]])
BATCH = {"input_ids": IDS, "attention_mask": (IDS > 0).long()}


def attention(model: nn.Module) -> str:
    found: str = model.get_submodule("encoder").config._attn_implementation  # type: ignore[union-attr, assignment]
    return found


def test_both_give_the_same_gradients() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"encoder": BertModel(BertConfig(**SIZES), add_pooling_layer=False)})
    gradients = []
    for parts in (False, True):
        if parts:
            with attention_in_parts(model):
                assert attention(model) == "eager"
                model["encoder"](**BATCH).last_hidden_state.square().sum().backward()
        else:
            model["encoder"](**BATCH).last_hidden_state.square().sum().backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
        model.zero_grad()
    assert attention(model) == "sdpa"
    for fused, apart in zip(*gradients, strict=True):
        torch.testing.assert_close(fused, apart, atol=1e-4, rtol=1e-4)


def test_each_encoder_within_another_is_seen_for_itself() -> None:
    outer = BertModel(BertConfig(**SIZES), add_pooling_layer=False)
    outer.short = AutoModel.from_config(BertConfig(**SIZES), attn_implementation="eager")
    outer.long = BertModel(BertConfig(**SIZES, max_position_embeddings=SHORT + 1))
    kinds = lambda: [module.config._attn_implementation for module in (outer, outer.short, outer.long)]  # noqa: E731
    with attention_in_parts(outer):
        assert kinds() == ["eager", "eager", "sdpa"]
    assert kinds() == ["sdpa", "eager", "sdpa"]


def test_it_is_fused_again_after_an_error() -> None:
    model = nn.ModuleDict({"encoder": BertModel(BertConfig(**SIZES))})
    with pytest.raises(KeyboardInterrupt), attention_in_parts(model):
        raise KeyboardInterrupt
    assert attention(model) == "sdpa"


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (BertConfig(**SIZES, max_position_embeddings=SHORT + 1), "sdpa"),
        (
            ModernBertConfig(**SIZES, pad_token_id=0, bos_token_id=2, cls_token_id=2, sep_token_id=3, eos_token_id=3),
            "sdpa",
        ),
        (BertConfig(**SIZES), "eager"),
    ],
    ids=["long", "modernbert", "eager"],
)
def test_others_are_left_as_they_are(config: BertConfig | ModernBertConfig, kind: str) -> None:
    encoder = AutoModel.from_config(config, attn_implementation=kind)
    model = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(2, 2)})
    with attention_in_parts(model):
        assert attention(model) == kind
    assert attention(model) == kind


@pytest.mark.parametrize("bf16", [True, False])
def test_students_are_trained_so_in_bfloat16(tmp_path: Path, bf16: bool) -> None:
    student = BertForSequenceClassification(BertConfig(**SIZES, num_labels=3))
    seen = []
    student.register_forward_pre_hook(lambda module, _: seen.append(module.config._attn_implementation))
    rows = [{"input_ids": [1 + row, 2], "labels": [row % 3]} for row in range(8)]

    def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        return {"input_ids": padded(rows)["input_ids"], "labels": torch.tensor([row["labels"][0] for row in rows])}

    stage = Stage("hard-labels", 1)
    training = {"use_cpu": True, "bf16": bf16, "per_device_train_batch_size": 4}
    distill(None, student, rows, collator=collate, recipe=[stage], training=training, output=tmp_path)
    assert set(seen[-2:]) == {"eager" if bf16 else "sdpa"}
    assert student.config._attn_implementation == "sdpa"
