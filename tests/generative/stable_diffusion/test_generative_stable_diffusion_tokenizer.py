"""Tokens are those of Transformers."""

import numpy as np
import pytest
import tiny_diffusers as tiny

from keras_derm.files import DamagedFileError
from keras_derm.generative.stable_diffusion.tokenizer import Tokenizer


@pytest.fixture
def files(tmp_path):
    tiny.write_tokenizer(tmp_path)
    return tmp_path / "vocab.json", tmp_path / "merges.txt"


def test_hard_prompts_have_the_tokens_of_transformers(files):
    found = Tokenizer(*files)(tiny.PROMPTS)
    expected = np.load(tiny.REFERENCES / "outputs.npz")["token_ids"]
    for prompt, ours, theirs in zip(tiny.PROMPTS, found, expected, strict=True):
        assert ours.tolist() == theirs.tolist(), prompt


def test_a_vocabulary_of_other_merges_is_refused(files):
    vocabulary, merges = files
    with merges.open("a", encoding="utf-8") as file:
        file.write("zz zz</w>\n")
    with pytest.raises(DamagedFileError, match=r"merges\.txt is damaged.*'zz'"):
        Tokenizer(vocabulary, merges)
    vocabulary.write_text('{"a": ')
    with pytest.raises(DamagedFileError, match=r"vocab\.json.*copy the folder"):
        Tokenizer(vocabulary, merges)
