"""The table of ops without mult_adds: spelled as torch spells them, and apart from those that multiply."""

from __future__ import annotations

import itertools

import pytest
import torch

from effprof.cost import free_ops
from effprof.cost.free_ops import FREE_OPS
from effprof.cost.mult_adds import MULT_ADDS

GROUPS = {name: value for name, value in vars(free_ops).items() if isinstance(value, frozenset) and name != "FREE_OPS"}
NEWER_THAN_TORCH_2_9 = {"_upsample_lanczos2d_aa"}
ARITHMETIC_WITHOUT_FORMULA = """
    fft_fft fft_rfft2 _fft_r2c stft istft linalg_svd linalg_qr linalg_eigh linalg_cholesky linalg_inv linalg_solve
    linalg_lu matrix_exp linalg_matrix_exp linalg_det inverse cdist pdist _euclidean_dist cov convolution_backward
    linear_backward _weight_int8pack_mm
"""


def names_in_torch() -> set[str]:
    names = set()
    for schema in torch._C._jit_get_all_schemas():
        namespace, _, name = schema.name.rpartition("::")
        kept = namespace not in ("aten", "prim")
        names.add(schema.name if kept else name if name.endswith("__") else name.removesuffix("_"))
    return names


def test_every_name_is_one_of_torchs():
    pytest.importorskip("torchvision")
    optional = {name for name in FREE_OPS if "c10d" in name}  # builds without distributed have no collectives
    unknown = (FREE_OPS | set(MULT_ADDS)) - names_in_torch() - NEWER_THAN_TORCH_2_9 - optional
    assert unknown == set()


def test_an_op_is_free_or_has_a_formula_not_both():
    assert FREE_OPS & set(MULT_ADDS) == set()


def test_an_op_has_one_reason():
    twice = {(a, b): GROUPS[a] & GROUPS[b] for a, b in itertools.combinations(GROUPS, 2) if GROUPS[a] & GROUPS[b]}
    assert twice == {}


def test_every_group_is_in_the_table():
    assert frozenset().union(*GROUPS.values()) == FREE_OPS


@pytest.mark.parametrize("op", ARITHMETIC_WITHOUT_FORMULA.split())
def test_real_arithmetic_is_not_called_free(op):
    assert op not in FREE_OPS
    assert op not in MULT_ADDS
