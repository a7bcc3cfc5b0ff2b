"""The steps from noise to a sample: PNDM, DDIM and DPM-Solver++, as in Diffusers."""

import numpy as np

N_TRAIN = 1000
OFFSET = 1
BETAS = (0.00085, 0.012)


def signal_shares():
    """Share of the signal in the variance at each of the 1000 timesteps: falling.

    The betas of Stable Diffusion v1 are linear in their roots, 0.00085 to 0.012.
    """
    low, high = np.sqrt(BETAS)
    return np.cumprod(1 - np.linspace(low, high, N_TRAIN) ** 2)


class Scheduler:
    """Which timesteps to call the network at, and what each call does to the sample.

    Args:
        n_steps: Number of steps, 2 to 500.

    Attributes:
        timesteps: Integers, one for each call of the network.

    Raises:
        ValueError: The number is out of range.

    Example:
        >>> scheduler = scheduler_of("pndm", 30)
        >>> for call, timestep in enumerate(scheduler.timesteps):
        ...     sample = scheduler.step(call, predict(sample, timestep), sample)
    """

    def __init__(self, n_steps):
        if not 2 <= n_steps <= N_TRAIN // 2:
            raise ValueError(
                f"`n_steps` must lie in [2, {N_TRAIN // 2}]. Received: {n_steps}"
            )
        self.n_steps = n_steps
        self.stride = N_TRAIN // n_steps
        self.shares = signal_shares()
        self.timesteps = np.arange(n_steps)[::-1] * self.stride + OFFSET

    def step(self, call, noise, sample):
        """The sample after a call.

        Args:
            call: Number of the call, from 0 on, each once and in order.
            noise: What the network gave at `timesteps[call]`, float array.
            sample: What it was given, of the same shape.
        """
        raise NotImplementedError

    def _share(self, timestep):
        """Share of the signal; beyond the first step it is that of the first."""
        return self.shares[max(timestep, 0)]


class DDIM(Scheduler):
    """Denoising diffusion implicit models, without noise of their own.

    Example:
        >>> DDIM(30).timesteps[:3]
        array([958, 925, 892])

    Reference:
        Song, Meng and Ermon, "Denoising Diffusion Implicit Models", ICLR 2021.
    """

    def step(self, call, noise, sample):
        timestep = self.timesteps[call]
        now, then = self._share(timestep), self._share(timestep - self.stride)
        clean = (sample - np.sqrt(1 - now) * noise) / np.sqrt(now)
        return np.sqrt(then) * clean + np.sqrt(1 - then) * noise


class PNDM(Scheduler):
    """Pseudo numerical methods of four steps, as Stable Diffusion was published with.

    The second timestep is called twice, so that 30 steps are 31 calls.

    Example:
        >>> len(PNDM(30).timesteps)
        31

    Reference:
        Liu et al., "Pseudo Numerical Methods for Diffusion Models on Manifolds", ICLR
        2022.
    """

    WEIGHTS = {
        2: np.array([3, -1]) / 2,
        3: np.array([23, -16, 5]) / 12,
        4: np.array([55, -59, 37, -9]) / 24,
    }

    def __init__(self, n_steps):
        super().__init__(n_steps)
        self.timesteps = np.insert(self.timesteps, 1, self.timesteps[1])
        self._noises, self._first = [], None

    def step(self, call, noise, sample):
        timestep = self.timesteps[call]
        if call == 1:  # the first step again, with the mean of both its ends
            noise = (noise + self._noises[-1]) / 2
            return self._moved(self._first, noise, self.timesteps[0], timestep)
        self._noises = [noise, *(self._noises if call else [])[:3]]
        if call == 0:
            self._first = sample
        else:
            weights = self.WEIGHTS[len(self._noises)]
            noise = sum(w * n for w, n in zip(weights, self._noises, strict=True))
        return self._moved(sample, noise, timestep, timestep - self.stride)

    def _moved(self, sample, noise, start, end):
        """Formula (9) of the paper: from one timestep to another."""
        now, then = self._share(start), self._share(end)
        divisor = now * np.sqrt(1 - then) + np.sqrt(now * (1 - now) * then)
        return np.sqrt(then / now) * sample - (then - now) * noise / divisor


class DPMSolver(Scheduler):
    """DPM-Solver++ of second order in several steps; the last step is of first order.

    Example:
        >>> DPMSolver(20).timesteps[:2]
        array([999, 949])

    Reference:
        Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion
        Probabilistic Models", arXiv:2211.01095.
    """

    def __init__(self, n_steps):
        super().__init__(n_steps)
        evenly = np.linspace(0, N_TRAIN - 1, n_steps + 1).round().astype(int)
        self.timesteps = evenly[:0:-1]
        shares = self.shares[self.timesteps]
        self.signal = np.append(np.sqrt(shares), 1.0)
        self.noise = np.append(np.sqrt(1 - shares), 0.0)
        with np.errstate(divide="ignore"):
            self.log_ratio = np.log(self.signal) - np.log(self.noise)
        self._clean = None

    def step(self, call, noise, sample):
        clean = (sample - self.noise[call] * noise) / self.signal[call]
        width = self.log_ratio[call + 1] - self.log_ratio[call]
        direction = clean
        if 0 < call < self.n_steps - 1:
            before = self.log_ratio[call] - self.log_ratio[call - 1]
            direction = clean + width / (2 * before) * (clean - self._clean)
        self._clean = clean
        kept = self.noise[call + 1] / self.noise[call]
        return kept * sample - self.signal[call + 1] * np.expm1(-width) * direction


SCHEDULERS = {"pndm": PNDM, "ddim": DDIM, "dpm_solver": DPMSolver}


def scheduler_of(name, n_steps):
    """A `Scheduler` by its name.

    Raises:
        ValueError: There is none.
    """
    if name not in SCHEDULERS:
        raise ValueError(
            f"`scheduler` must be one of {', '.join(SCHEDULERS)}. Received: {name!r}"
        )
    return SCHEDULERS[name](n_steps)
