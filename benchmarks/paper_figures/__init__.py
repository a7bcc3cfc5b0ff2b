"""The four papers' figures, what was wrong in them, and where ours come from.

One module a paper, each with `NAME`, `DATA`, `ERRORS`, `rows(run)` and `pictures(run)`.
"""

from paper_figures import cwgan_gp, lora_diffusion, melanet, sn_gan_ensemble

PAPERS = {
    paper.NAME: paper for paper in (sn_gan_ensemble, lora_diffusion, cwgan_gp, melanet)
}
