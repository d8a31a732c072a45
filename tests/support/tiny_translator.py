"""Two tiny models that translate, in folders as pretrained ones are. What they say means nothing, and never changes."""

import torch


def save_translators(root, texts):
    """Save one model for each way; gives their folders."""
    from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

    from hone.tasks.tokenization import special_ids, trained_tokenizer

    tokenizer = AutoTokenizer.from_pretrained(trained_tokenizer(texts, 60, str(root / "tokenizers")))
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "init_std": 1.0, "max_position_embeddings": 64}
    heads = {f"{part}_{kind}": 2 for part in ("encoder", "decoder") for kind in ("attention_heads", "ffn_dim")}
    known = special_ids(tokenizer)
    start = {"decoder_start_token_id": known["pad_token_id"], "decoder_vocab_size": known["vocab_size"]}
    folders = []
    for seed, way in enumerate(("there", "back")):
        torch.manual_seed(seed)
        model = AutoModelForSeq2SeqLM.from_config(AutoConfig.for_model("marian", **known, **start, **sizes, **heads))
        model.save_pretrained(root / way)
        tokenizer.save_pretrained(root / way)
        folders.append(str(root / way))
    return folders
