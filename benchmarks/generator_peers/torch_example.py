"""The three generators in PyTorch: the same layers, widths and algorithms."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

N_DIAGNOSES, N_TONES, CONDITION_FEATURES, LATENT_DIM = 9, 4, 32, 128
CRITIC_STEPS, PENALTY_WEIGHT, CYCLE_WEIGHT = 5, 10.0, 10.0


def _widths(image_size, base_channels):
    """Channels at each halving of the side down to 4."""
    n_levels = (image_size // 4).bit_length() - 1
    return [base_channels * min(2**level, 8) for level in range(n_levels)]


class ConditionalNormalization(nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.normalization = nn.BatchNorm2d(n_channels, affine=False)
        self.scale = nn.Linear(2 * CONDITION_FEATURES, n_channels)
        self.shift = nn.Linear(2 * CONDITION_FEATURES, n_channels)

    def forward(self, features, condition):
        scale = 1 + self.scale(condition)[:, :, None, None]
        shift = self.shift(condition)[:, :, None, None]
        return functional.relu(self.normalization(features) * scale + shift)


class Generator(nn.Module):
    def __init__(self, image_size, base_channels):
        super().__init__()
        widths = _widths(image_size, base_channels)[::-1]
        self.diagnosis = nn.Embedding(N_DIAGNOSES, CONDITION_FEATURES)
        self.tone = nn.Embedding(N_TONES, CONDITION_FEATURES)
        n_inputs = LATENT_DIM + 2 * CONDITION_FEATURES
        self.first = nn.Linear(n_inputs, 4 * 4 * widths[0], bias=False)
        self.normalizations = nn.ModuleList(map(ConditionalNormalization, widths))
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)
            for a, b in zip(widths, widths[1:], strict=False)
        )
        self.last = nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1)

    def forward(self, noise, diagnosis, tone):
        condition = torch.cat([self.diagnosis(diagnosis), self.tone(tone)], 1)
        features = self.first(torch.cat([noise, condition], 1))
        features = features.view(len(noise), -1, 4, 4)
        features = self.normalizations[0](features, condition)
        for convolution, normalization in zip(
            self.convolutions, self.normalizations[1:], strict=True
        ):
            features = normalization(convolution(features), condition)
        return torch.tanh(self.last(features))


class Judge(nn.Module):
    """Projection discriminator, spectrally normalized, or critic."""

    def __init__(self, image_size, base_channels, spectral):
        super().__init__()
        wrap = spectral_norm if spectral else lambda layer: layer
        widths = _widths(image_size, base_channels)
        self.convolutions = nn.ModuleList(
            wrap(nn.Conv2d(a, b, 4, 2, 1))
            for a, b in zip([3, *widths], widths, strict=False)
        )
        self.score = wrap(nn.Linear(widths[-1], 1))
        self.diagnosis = wrap(nn.Embedding(N_DIAGNOSES, widths[-1]))
        self.tone = wrap(nn.Embedding(N_TONES, widths[-1]))

    def forward(self, images, diagnosis, tone):
        for convolution in self.convolutions:
            images = functional.leaky_relu(convolution(images), 0.2)
        features = images.sum((2, 3))
        projected = features * (self.diagnosis(diagnosis) + self.tone(tone))
        return self.score(features) + projected.sum(1, keepdim=True)


def _convolution(n_inputs, n_outputs, strides=1, bias=False):
    # "same" padding of a kernel of 4: one more to the right where it does not move.
    padding = nn.ZeroPad2d((1, 2, 1, 2) if strides == 1 else 1)
    return nn.Sequential(padding, nn.Conv2d(n_inputs, n_outputs, 4, strides, bias=bias))


def _down(n_inputs, n_outputs, strides=2, normalized=True):
    return nn.Sequential(
        _convolution(n_inputs, n_outputs, strides, bias=not normalized),
        nn.InstanceNorm2d(n_outputs, affine=True) if normalized else nn.Identity(),
        nn.LeakyReLU(0.2),
    )


def _up(n_inputs, n_outputs):
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        _convolution(n_inputs, n_outputs),
        nn.InstanceNorm2d(n_outputs, affine=True),
        nn.ReLU(),
    )


class Translator(nn.Module):
    def __init__(self, base_channels):
        super().__init__()
        a, b, c, d = (base_channels * factor for factor in (1, 2, 4, 8))
        self.downs = nn.ModuleList(
            [_down(3, a, normalized=False), _down(a, b), _down(b, c), _down(c, d)]
        )
        self.ups = nn.ModuleList([_up(d, c), _up(2 * c, b), _up(2 * b, a)])
        self.last = nn.Sequential(
            nn.Upsample(scale_factor=2), _convolution(2 * a, 3, bias=True), nn.Tanh()
        )

    def forward(self, images):
        passed = [images]
        for down in self.downs:
            passed.append(down(passed[-1]))
        features = passed[-1]
        for up, skipped in zip(self.ups, passed[-2:0:-1], strict=True):
            features = torch.cat([up(features), skipped], 1)
        return self.last(features)


def patch_discriminator(base_channels):
    a, b, c, d = (base_channels * factor for factor in (1, 2, 4, 8))
    return nn.Sequential(
        _down(3, a, normalized=False),
        _down(a, b),
        _down(b, c),
        _down(c, d, strides=1),
        _convolution(d, 1, bias=True),
    )


class Example:
    """Two sides, each with networks and an optimizer of its own."""

    def __init__(self, generators, judges, **adam):
        self.generators, self.judges = generators, judges
        self.generator_optimizer = _adam(generators, **adam)
        self.judge_optimizer = _adam(judges, **adam)

    @property
    def n_parameters(self):
        """Numbers of trainable parameters of generators and judges."""
        return [
            sum(p.numel() for model in models for p in model.parameters())
            for models in (self.generators, self.judges)
        ]

    def minimize_generators(self, loss):
        self._require_gradients(self.judges, False)
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        self._require_gradients(self.judges, True)

    def minimize_judges(self, loss):
        self.judge_optimizer.zero_grad()
        loss.backward()
        self.judge_optimizer.step()

    @staticmethod
    def _require_gradients(models, wanted):
        for model in models:
            model.requires_grad_(wanted)


def _adam(models, rate, betas):
    parameters = [p for model in models for p in model.parameters()]
    return torch.optim.Adam(parameters, rate, betas)


def _noise(images):
    return torch.randn(len(images), LATENT_DIM)


def _log_loss(logits, real):
    return functional.softplus(-logits if real else logits).mean()


class SNGAN(Example):
    def step(self, images, *conditions):
        (make,), (judge,) = self.generators, self.judges
        fakes = make(_noise(images), *conditions)
        loss = _log_loss(judge(images, *conditions), True)
        loss = loss + _log_loss(judge(fakes.detach(), *conditions), False)
        self.minimize_judges(loss)
        self._require_gradients(self.judges, False)
        loss = _log_loss(judge(fakes, *conditions), True)
        self.minimize_generators(loss)
        return loss.item()


class ConditionalWGANGP(Example):
    def step(self, *data):
        (make,), (critic,) = self.generators, self.judges
        parts = zip(*(values.chunk(CRITIC_STEPS) for values in data), strict=True)
        for real, *given in parts:
            with torch.no_grad():
                fakes = make(_noise(real), *given)
            share = torch.rand(len(real), 1, 1, 1)
            between = (share * real + (1 - share) * fakes).requires_grad_()
            scores = critic(between, *given).sum()
            (gradients,) = torch.autograd.grad(scores, between, create_graph=True)
            norm = (gradients.square().sum((1, 2, 3)) + 1e-12).sqrt()
            loss = PENALTY_WEIGHT * (norm - 1).square().mean()
            loss = loss + critic(fakes, *given).mean() - critic(real, *given).mean()
            self.minimize_judges(loss)
        self._require_gradients(self.judges, False)
        loss = -critic(make(_noise(real), *given), *given).mean()
        self.minimize_generators(loss)
        return loss.item()


class CycleGAN(Example):
    def step(self, benign, malignant):
        to_malignant, to_benign = self.generators
        judge_benign, judge_malignant = self.judges
        self._require_gradients(self.judges, False)
        fake_malignant, fake_benign = to_malignant(benign), to_benign(malignant)
        cycle = (to_benign(fake_malignant) - benign).abs().mean()
        cycle = cycle + (to_malignant(fake_benign) - malignant).abs().mean()
        loss = CYCLE_WEIGHT * cycle + _log_loss(judge_malignant(fake_malignant), True)
        loss = loss + _log_loss(judge_benign(fake_benign), True)
        self.minimize_generators(loss)
        judge_loss = (
            _log_loss(judge_benign(benign), True)
            + _log_loss(judge_benign(fake_benign.detach()), False)
            + _log_loss(judge_malignant(malignant), True)
            + _log_loss(judge_malignant(fake_malignant.detach()), False)
        ) / 2
        self.minimize_judges(judge_loss)
        return loss.item()


def build(name, image_size, base_channels):
    """A model of that name, with the optimizers of the papers."""
    if name == "cyclegan":
        return CycleGAN(
            [Translator(base_channels) for _ in range(2)],
            [patch_discriminator(2 * base_channels) for _ in range(2)],
            rate=2e-4,
            betas=(0.5, 0.999),
        )
    make = [Generator(image_size, base_channels)]
    judge = [Judge(image_size, base_channels, spectral=name == "sngan")]
    if name == "sngan":
        return SNGAN(make, judge, rate=2e-4, betas=(0.5, 0.999))
    return ConditionalWGANGP(make, judge, rate=1e-4, betas=(0.0, 0.9))
