"""What a generator is to the application: the contract above `train_step`."""

import keras
import numpy as np

from keras_derm.generative.callbacks import SampleGrid, StopOnCollapse
from keras_derm.generative.conditions import (
    condition_indices,
    rows_of_cell,
    table_conditions,
)
from keras_derm.generative.datasets import sampling_weights, taker, training_dataset
from keras_derm.generative.made import Made
from keras_derm.training import computing_in

FROM_IMAGES, BY_ADAPTER = "training images", "adapter"
"""From what a generator knows a cell, see `Generator.knows`."""

N_WATCHED = 128
N_COLUMNS = 8


class Generator(keras.Model):
    """A model that makes dermoscopy, and all that the jobs need to know of it.

    A subclass brings `Settings`, `_from_settings`, `description`, `steps_done`, a
    `train_step`, and `sample`, from which everything else here follows. One that makes
    images of images, and not of conditions alone, writes `dataset`, `counterparts`,
    `sample_grid` and `make` anew. `register_generator` gives it its name.

    Random numbers shall be functions of `seed` and of `steps_done`, so that a training
    which is killed and started again ends as if it had not been interrupted.

    Attributes:
        Settings: Frozen dataclass of what the generator can be told. It has
            `batch_size`, and in `EXTENDS` what may be raised after a training.
        CONDITIONS: Columns of a catalog that it can be asked for.
        PRECISIONS: What the networks can compute in. There is no float16: a
            `train_step` of its own would have to scale the losses.
        STATE_SUFFIX: Suffix of the file that `save_state` writes.

    Example:
        >>> settings = SNGANSettings()
        >>> generator = SNGAN.from_settings(settings, image_size=64, n_steps=2000)
        >>> train(generator, catalog, images, "generator", settings, n_steps=2000)
        >>> cells = np.array([[0, 4], [5, 4]]), np.array([20, 10])
        >>> images = generator.make(cells, seed=7).images
    """

    Settings = None
    CONDITIONS = ("diagnosis", "tone_group")
    PRECISIONS = ("float32", "mixed_bfloat16")
    STATE_SUFFIX = ".keras"

    @classmethod
    def from_settings(
        cls,
        settings,
        image_size,
        n_steps,
        seed=0,
        gradient_accumulation=1,
        precision="float32",
        jit_compile=False,
    ):
        """A compiled generator with new weights.

        Args:
            settings: Of the type `Settings`.
            image_size: Side of the images in pixels.
            n_steps: Training steps that it is to take in all.
            seed: Integer seed of all that is random in a step. The weights are drawn
                as Keras draws them, see `keras.utils.set_random_seed`.
            gradient_accumulation: Steps whose gradients make one update.
            precision: What the networks compute in, one of `PRECISIONS`.
            jit_compile: Whether XLA compiles the step.

        Raises:
            ValueError: If networks of this size or precision cannot be built.
        """
        if precision not in cls.PRECISIONS:
            raise ValueError(
                f"`precision` of a generator is {' or '.join(cls.PRECISIONS)}: its "
                "steps do not scale losses, as float16 needs, and only classifiers are "
                f"timed for auto. Received: precision={precision!r}"
            )
        with computing_in(precision):
            return cls._from_settings(
                settings, image_size, n_steps, seed, gradient_accumulation, jit_compile
            )

    @classmethod
    def _from_settings(
        cls, settings, image_size, n_steps, seed, gradient_accumulation, jit_compile
    ):
        """`from_settings` where Keras is told what to compute in."""
        raise NotImplementedError

    @classmethod
    def timed_network(cls, settings, image_size):
        """New network of one input, a training step of which says how fast it is.

        Generators have it whose settings allow the precision auto.
        """
        raise NotImplementedError

    @classmethod
    def description(cls, settings):
        """What it is and what it is conditioned on, to begin a sentence with."""
        raise NotImplementedError

    @classmethod
    def learned(cls, settings):
        """Diagnoses it makes once it is trained, or None for all that it was shown."""
        return None

    @classmethod
    def conditioned_on(cls, settings):
        """Those of `CONDITIONS` that decide what it makes, as it was trained.

        Without "tone_group" its images are of unknown tone.
        """
        return cls.CONDITIONS

    @classmethod
    def knows(cls, settings, catalog, cell, folder=None):
        """From what it knows a cell that it is asked for.

        Args:
            settings: Of the type `Settings`.
            catalog: `Catalog` of the real training images.
            cell: Dict from those of `conditioned_on` that are asked for to their
                values; a tone may be "unknown".
            folder: Folder of its training, for what lies beside its state.

        Returns:
            `FROM_IMAGES` where a training image is of the cell, and an empty text where
            none is. A generator that can be adapted answers `BY_ADAPTER` where an
            adapter makes the cell.
        """
        rows = cls.training_rows(settings, catalog)
        return FROM_IMAGES if rows_of_cell(rows, cell).any() else ""

    @classmethod
    def wants_masks(cls, settings):
        """Whether its images are to have the mask of the lesion as a fourth channel."""
        return False

    @classmethod
    def training_rows(cls, settings, catalog):
        """Rows of a catalog that it learns from: by default of what it makes.

        Raises:
            ValueError: If there are none.
        """
        diagnoses = cls.learned(settings)
        if diagnoses is None:
            return catalog
        rows = catalog.where(diagnosis=diagnoses)
        if not len(rows):
            raise ValueError(
                f"`diagnoses` must be of training images. Received: {list(diagnoses)}, "
                f"where there are {catalog.table['diagnosis'].value_counts().to_dict()}"
            )
        return rows

    @classmethod
    def steps_of_an_epoch(cls, settings, catalog):
        """Training steps in which as many images are seen as there are to learn from.

        Args:
            settings: Of the type `Settings`.
            catalog: `Catalog` of the training rows.
        """
        n_images = len(cls.training_rows(settings, catalog))
        return max(1, n_images // settings.batch_size)

    @property
    def optimizers(self):
        """The optimizers that its `train_step` applies, a list."""
        return [self.optimizer]

    @property
    def steps_done(self):
        """Number of training steps so far, over all calls of `fit`."""
        raise NotImplementedError

    def begin(self, directory):
        """Told where a training keeps its files, before `dataset` is called.

        What is made of training images once, such as codes, can be kept there.
        """

    def write_for_others(self, directory):
        """Write what other programs read of a trained generator; by default nothing."""

    def images_per_step(self, settings):
        """Number of images that a training step takes, over all devices."""
        return settings.batch_size

    def prepare(self, catalog, images, settings, seed=0):
        """What comes once before the first step: by default nothing.

        A generator that measures its training images, or codes them, does it here. The
        arguments are those of `training_dataset`.
        """

    def dataset(self, catalog, images, settings, seed=0, first_step=0):
        """Endless batches for `fit`; the arguments are those of `training_dataset`."""
        return training_dataset(
            catalog,
            images,
            self.images_per_step(settings),
            settings.balance,
            seed,
            first_step,
        )

    def conditions_of(self, table):
        """What `sample` and `make` are asked for: integers (n, 2).

        A generator of more conditions gives more columns; the first two stay as they
        are.

        Args:
            table: `pandas.DataFrame` with the columns of `CONDITIONS`.
        """
        return table_conditions(table)

    def sample(self, conditions, seed):
        """Images of the conditions asked for.

        Args:
            conditions: Integers (n, 2): diagnosis index and tone-group index.
            seed: The same seed gives the same images.

        Returns:
            uint8 array (n, side, side, 3), RGB.
        """
        raise NotImplementedError

    def make(self, cells, seed, catalog=None, images=None):
        """Images of the cells that are wanted.

        Args:
            cells: Tuple of conditions, integers (k, 2), and of how many images of
                each, integers (k,).
            seed: Integer seed of noise, or of what is translated.
            catalog: `Catalog` of real training images, for a generator that makes
                images of images.
            images: Those images, uint8 (m, side, side, 3), or with masks as `dataset`
                takes them.

        Returns:
            `Made`.
        """
        conditions = np.repeat(*cells, axis=0)
        return Made(self.sample(conditions, seed), conditions)

    def sample_like(self, images, conditions, seed):
        """Images of the conditions of real ones, and of their masks if it is told any.

        Args:
            images: Those real images, uint8 (n, side, side, 3 or 4).
            conditions: Integers (n, conditions), see `conditions_of`.
            seed: Integer seed of the noise.
        """
        return self.sample(conditions, seed)

    def counterparts(self, catalog, images, n, seed=0, balance=0.0):
        """Real training images, and what makes such as are to be like them.

        Args:
            catalog: `Catalog` of the training rows.
            images: See `training_dataset`.
            n: Number of images, or all where there are fewer.
            seed: Integer seed of which are drawn, and of the noise.
            balance: See `sampling_weights`.

        Returns:
            Tuple of real images, uint8 (n, side, side, 3), and a function without
            arguments that makes images as the generator now is.
        """
        conditions = self.conditions_of(catalog.table)
        weights = sampling_weights(conditions[:, 0], balance) if balance else None
        rows = np.sort(
            np.random.default_rng(seed).choice(
                len(catalog), min(n, len(catalog)), replace=False, p=weights
            )
        )
        real = taker(images)(rows)
        return real[..., :3], lambda: self.sample_like(real, conditions[rows], seed)

    def watch(self, catalog, images, seed=0):
        """`StopOnCollapse` against some of the training images."""
        return StopOnCollapse(*self.counterparts(catalog, images, N_WATCHED, seed))

    def sample_grid(self, catalog, images, directory, seed=0):
        """`SampleGrid` of every epoch: one row for each cell of the training rows."""
        cells = np.unique(condition_indices(catalog), axis=0)
        conditions = np.repeat(cells, N_COLUMNS, axis=0)
        return SampleGrid(directory, lambda: self.sample(conditions, seed), N_COLUMNS)

    def save_state(self, path):
        """Write what a training goes on from: here the whole model.

        A model too large to be copied after every epoch writes what is trained of it,
        such as adapters, their averages and the state of the optimizer.
        """
        self.save(path)

    def load_state(self, path):
        """Become as the generator was whose `save_state` wrote the file.

        Both were built of the same settings.
        """
        self.load_weights(path)

    def load_adapters(self, folder):
        """Take the adapters that a training left in its folder: by default none."""
