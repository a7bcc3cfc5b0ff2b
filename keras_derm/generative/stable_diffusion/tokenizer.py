"""From words to tokens, as CLIP's tokenizer does in Transformers."""

import functools
import json
import re
import unicodedata

import numpy as np
import regex

from keras_derm.files import DamagedFileError, shown

START, END = "<|startoftext|>", "<|endoftext|>"
PIECES = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+")
SPECIAL = re.compile(f"({re.escape(START)}|{re.escape(END)})")


class Tokenizer:
    """Byte-pair encoding of a Diffusers folder's `tokenizer/`.

    It gives the tokens of Transformers' CLIPTokenizer, without Transformers: text is
    composed (NFC), white space is made one space, and letters are lowered one by one
    (a capital sigma at the end of a word too); entities of HTML stay as they are.

    Args:
        vocabulary: Path of `vocab.json`.
        merges: Path of `merges.txt`.

    Attributes:
        length: Number of tokens of each text.

    Raises:
        DamagedFileError: A file is not whole.

    Example:
        >>> tokenizer = Tokenizer(*folder.tokenizer_files)
        >>> tokens = tokenizer(["dermoscopy of melanoma on dark skin"])
    """

    length = 77

    def __init__(self, vocabulary, merges):
        way_out = "copy the folder `tokenizer` again"
        try:
            self.index = json.loads(vocabulary.read_text(encoding="utf-8"))
            lines = merges.read_text(encoding="utf-8").split("\n")
        except ValueError as error:
            raise DamagedFileError(
                f"{vocabulary} or {merges} is damaged: {way_out}. Received: {error}"
            ) from error
        pairs = [tuple(line.split()) for line in lines if line.strip()]
        pairs = [pair for pair in pairs if pair[0] != "#version:"]
        letters = [*_letters().values()]
        needed = [START, END, *letters, *(f"{letter}</w>" for letter in letters)]
        faults = [pair for pair in pairs if len(pair) != 2]
        faults += [word for word in needed if word not in self.index]
        faults += [p for p in pairs if len(p) == 2 and "".join(p) not in self.index]
        if faults:
            raise DamagedFileError(
                f"{merges} is damaged, or {vocabulary} of another vocabulary: "
                f"{way_out}. Received: {shown(faults[:3])}"
            )
        self.rank = {pair: rank for rank, pair in enumerate(pairs)}
        self._merged = functools.lru_cache(maxsize=10_000)(self._merge)

    def __call__(self, texts):
        """Tokens of texts: int32 array `(n, 77)`.

        A longer text is cut, and what is left behind its end is filled with the token
        of the end.
        """
        start, end = self.index[START], self.index[END]
        rows = []
        for text in texts:
            tokens = [start, *self._tokens(text)[: self.length - 2], end]
            rows.append(tokens + [end] * (self.length - len(tokens)))
        return np.array(rows, "int32").reshape(-1, self.length)

    def _tokens(self, text):
        tokens = []
        for part in SPECIAL.split(text):
            if part in (START, END):
                tokens.append(self.index[part])
                continue
            for piece in PIECES.findall(_normal(part)):
                tokens += self._merged(piece)
        return tokens

    def _merge(self, piece):
        """Tokens of a piece: its bytes, neighbours merged in the order learned."""
        letters = _letters()
        word = [letters[byte] for byte in piece.encode("utf-8")]
        word[-1] += "</w>"
        while len(word) > 1:
            pairs = list(zip(word, word[1:], strict=False))
            best = min(pairs, key=lambda pair: self.rank.get(pair, len(self.rank)))
            if best not in self.rank:
                break
            at = pairs.index(best)
            word[at : at + 2] = ["".join(best)]
        return [self.index[part] for part in word]


def _normal(text):
    text = regex.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    return "".join(letter.lower() for letter in text)


@functools.cache
def _letters():
    """The letter that stands for each byte: itself where it can be printed."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain}
    return letters | {byte: chr(256 + n) for n, byte in enumerate(others)}
