"""A look into an ONNX file before onnxruntime is given it: what a stranger's graph may not hold.

Format 1 knows standard operators only, and one file a graph. So what is refused is: operators of other domains and
functions (custom code), numbers that lie in other files, texts (their size is out of anybody's hands), loops in a graph
that is one step, and more of everything than a model has use for.
The file is protobuf (https://onnx.ai/onnx/repo-docs/IR.html); the few fields that matter are read here, since the
library that knows them all is the trainer's, and larger than the instrument.
"""

from collections.abc import Iterator

from pianogenie.errors import UserError

MAX_NODES = 5000
MAX_DEPTH = 8
"""Graphs within graphs: bodies of loops and branches."""
MAX_FIELDS = 200_000
"""Of the file's own, read one at a time; a tensor's numbers are one field. The models that ship have some 500."""

_STANDARD = (b"", b"ai.onnx")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EXTERNAL, _TEXT = 1, 8
_LOOPS = (b"Loop", b"Scan", b"SequenceMap")
_TEXTS = (b"StringConcat", b"StringSplit", b"StringNormalizer", b"RegexFullMatch", b"TfIdfVectorizer")
_TEXT_ATTRIBUTES = (b"value_string", b"value_strings")

# Field numbers of onnx.proto.
_MODEL_GRAPH, _MODEL_OPSETS, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 8, 20, 25
_OPSET_DOMAIN = 1
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_NAME = 1
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_SPARSE_PARTS = (1, 2)
_TENSOR_TYPE, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 2, 13, 14


class _Odd(Exception):
    """What is wrong with the file."""


def check_graph(data: bytes, where: str, loops: bool = False) -> None:
    """Raises UserError, naming `where`, if a graph holds what format 1 does not, or is no ONNX file.

    `loops`: whether it may hold some, as an encoder, which goes through a whole performance, must.
    """
    try:
        _Look(data, loops).model()
    except _Odd as odd:
        raise UserError(f"{where}: {odd}") from odd


class _Look:
    def __init__(self, data: bytes, loops: bool):
        self._data = data
        self._loops = loops
        self._nodes = self._read = 0

    def model(self) -> None:
        graphs = 0
        for number, value in self._fields((0, len(self._data))):
            if number == _MODEL_GRAPH:
                graphs += 1
                self._graph(_span(value), 0)
            elif number == _MODEL_OPSETS:
                for inner, domain in self._fields(_span(value)):
                    if inner == _OPSET_DOMAIN:
                        self._check_domain(domain)
            elif number in (_MODEL_FUNCTIONS, _MODEL_TRAINING):
                raise _Odd("holds functions of its own, which format 1 does not know")
        if graphs != 1:
            raise _Odd("not a graph that onnxruntime can run (no ONNX file)")

    def _graph(self, span: tuple[int, int], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise _Odd(f"its graphs are nested more than {MAX_DEPTH} deep")
        for number, value in self._fields(span):
            if number == _GRAPH_NODE:
                self._node(_span(value), depth)
            elif number == _GRAPH_INITIALIZER:
                self._tensor(_span(value))
            elif number == _GRAPH_SPARSE:
                self._sparse(_span(value))

    def _node(self, span: tuple[int, int], depth: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _Odd(f"has more than {MAX_NODES} nodes, more than a model has use for")
        for number, value in self._fields(span):
            if number == _NODE_DOMAIN:
                self._check_domain(value)
            elif number == _NODE_OPERATOR:
                self._check_operator(self._text(value))
            elif number == _NODE_ATTRIBUTE:
                for inner, part in self._fields(_span(value)):
                    if inner == _ATTRIBUTE_NAME and self._text(part) in _TEXT_ATTRIBUTES:
                        raise _Odd("holds texts, which format 1 has no use for")
                    elif inner in _ATTRIBUTE_TENSORS:
                        self._tensor(_span(part))
                    elif inner in _ATTRIBUTE_GRAPHS:
                        self._graph(_span(part), depth + 1)
                    elif inner in _ATTRIBUTE_SPARSE:
                        self._sparse(_span(part))

    def _sparse(self, span: tuple[int, int]) -> None:
        for number, value in self._fields(span):
            if number in _SPARSE_PARTS:
                self._tensor(_span(value))

    def _tensor(self, span: tuple[int, int]) -> None:
        for number, value in self._fields(span):
            if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value == _EXTERNAL):
                raise _Odd("keeps numbers in another file, which format 1 does not know")
            if number == _TENSOR_TYPE and value == _TEXT:
                raise _Odd("holds texts, which format 1 has no use for")

    def _text(self, value: object) -> bytes:
        start, end = _span(value)
        return self._data[start : min(end, start + 100)]

    def _check_operator(self, name: bytes) -> None:
        if name in _LOOPS and not self._loops:
            raise _Odd(f"holds a loop ({name.decode()}), which one step of a decoder has no use for")
        if name in _TEXTS:
            raise _Odd("holds texts, which format 1 has no use for")

    def _check_domain(self, value: object) -> None:
        domain = self._text(value)
        if domain not in _STANDARD:
            name = domain.decode("utf-8", "replace")
            raise _Odd(f"holds operators that are not standard ones (of {name!r}), which format 1 does not know")

    def _fields(self, span: tuple[int, int]) -> Iterator[tuple[int, object]]:
        """(number, value) of each field: a number, or (start, end) of its bytes."""
        at, end = span
        while at < end:
            self._read += 1
            if self._read > MAX_FIELDS:
                raise _Odd(f"has more than {MAX_FIELDS:,} fields, more than a model has use for")
            tag, at = self._varint(at, end)
            number, kind = tag >> 3, tag & 7
            if kind == _VARINT:
                value, at = self._varint(at, end)
            elif kind == _BYTES:
                size, at = self._varint(at, end)
                value, at = (at, at + size), at + size
            elif kind in (_FIXED32, _FIXED64):
                value, at = None, at + (4 if kind == _FIXED32 else 8)
            else:
                raise _Odd("not a graph that onnxruntime can run (no ONNX file)")
            if at > end or not number:
                raise _Odd("not a graph that onnxruntime can run (it is cut off)")
            yield number, value

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while at < end and shift < 70:
            byte = self._data[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at
        raise _Odd("not a graph that onnxruntime can run (it is cut off)")


def _span(value: object) -> tuple[int, int]:
    if not isinstance(value, tuple):
        raise _Odd("not a graph that onnxruntime can run (no ONNX file)")
    return value
