"""Limits: what the report cannot say."""

TEXT = """
Research use only. This is not a medical device and must not guide the care of anyone.

- The colour of a photograph (ITA) depends on camera, light, pressure and polarisation.
  On dermoscopy it has next to nothing to do with how dark a person's skin is (rank
  correlation 0.06 with the skin tone classes of MILK10k), and no group by it is one of
  people.
- A person's tone is known where somebody labelled it. What holds of labelled people
  need not hold of the others; an estimator is only worth what was measured of it.
- The patients of this archive stand for themselves; what holds here need not hold for
  other clinics, cameras or skin tones that the archive lacks.
- Intervals cover the chance of which test patients or lesions were drawn. They do not
  cover the chance of training: one seed was trained for each arm. In a run on HAM10000
  whose arms happened to learn from the same images, melanoma specificity still differed
  by 0.057 between them, outside its interval.
- The interval of a stratum holds for that stratum alone. What is claimed of a stratum
  also survives a correction (Holm) for the number of strata that were read.
"""
