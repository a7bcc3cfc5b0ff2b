"""The compact diffusion model in PyTorch: the same layers, widths and training step.

As a script it makes steps, in bfloat16 by autocast, and prints what each took:

    python torch_diffusion.py N_STEPS BATCH_SIZE SIDE N_CHANNELS
"""

import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional

N_FREQUENCIES, VOCABULARIES = 64, (12, 4)
AVERAGE_EXPONENT, LEVELS, SIGMA_DATA = 7.94, (-0.6, 1.4), 0.6


def convolution(n_inputs, n_outputs, size=3, **options):
    return nn.Conv2d(
        n_inputs, n_outputs, size, padding=size // 2, bias=False, **options
    )


class Normalized(nn.Module):
    """Root mean square of the channels."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, maps):
        square = maps.float().square().mean(1, keepdim=True)
        return maps * torch.rsqrt(square + 1e-6) * self.scale


class Attention(nn.Module):
    def __init__(self, channels, n_tokens_in, head_size=64):
        super().__init__()
        self.heads = channels // head_size
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(n_tokens_in, channels, bias=False)
        self.value = nn.Linear(n_tokens_in, channels, bias=False)
        self.projection = nn.Linear(channels, channels)

    def forward(self, places, tokens):
        heads = [
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (self.query(places), self.key(tokens), self.value(tokens))
        ]
        attended = functional.scaled_dot_product_attention(*heads)
        return self.projection(attended.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, n_inputs, channels, width, attends, to_each_other):
        super().__init__()
        self.into = Normalized(n_inputs)
        self.first = convolution(n_inputs, channels)
        self.modulation = nn.Linear(2 * width, 2 * channels)
        self.between = Normalized(channels)
        self.second = convolution(channels, channels)
        same = n_inputs == channels
        self.shortcut = nn.Identity() if same else convolution(n_inputs, channels, 1)
        self.cross = Attention(channels, width) if attends else None
        self.own = Attention(channels, channels) if attends and to_each_other else None
        if attends:
            self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))

    def forward(self, maps, vector, tokens):
        features = self.first(functional.silu(self.into(maps)))
        scale, shift = self.modulation(vector)[:, :, None, None].chunk(2, 1)
        features = self.between(features) * (1 + scale) + shift
        features = self.second(functional.silu(features))
        maps = self.shortcut(maps) + features
        if self.cross is None:
            return maps
        side = maps.shape[2:]
        places = maps.flatten(2).transpose(1, 2)
        if self.own is not None:
            normal = self.norms[0](places)
            places = places + self.own(normal, normal)
        places = places + self.cross(self.norms[1](places), tokens)
        return places.transpose(1, 2).unflatten(2, side)


class Denoiser(nn.Module):
    def __init__(self, n_channels, channels=(128, 192), n_blocks=2):
        super().__init__()
        width = channels[0]
        self.noise = nn.Linear(2 * N_FREQUENCIES, width)
        self.embeddings = nn.ModuleList(
            nn.Embedding(size + 1, width) for size in VOCABULARIES
        )
        self.vector = nn.Linear(3 * width, 2 * width)
        self.first = convolution(n_channels, width)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        kept, last = [], width
        for depth, each in enumerate(channels):
            for i in range(n_blocks):
                smallest = depth == len(channels) - 1
                self.down.append(Block(last, each, width, i == n_blocks - 1, smallest))
                kept.append(each)
                last = each
            if depth < len(channels) - 1:
                self.down.append(convolution(each, channels[depth + 1], stride=2))
                last = channels[depth + 1]
        self.middle = Block(last, channels[-1], width, True, True)
        for depth, each in reversed(list(enumerate(channels))):
            for i in range(n_blocks):
                smallest = depth == len(channels) - 1
                block = Block(
                    last + kept.pop(), each, width, i == n_blocks - 1, smallest
                )
                self.up.append(block)
                last = each
            if depth:
                self.up.append(convolution(each, channels[depth - 1]))
                last = channels[depth - 1]
        self.last = Normalized(last)
        self.out = convolution(last, n_channels)

    def forward(self, code, level, *indices):
        exponents = torch.arange(N_FREQUENCIES) * math.log(1e3) / (N_FREQUENCIES - 1)
        angles = level[:, None] * torch.exp(exponents)
        noise = self.noise(torch.cat([angles.sin(), angles.cos()], 1))
        embedded = [e(i) for e, i in zip(self.embeddings, indices, strict=True)]
        tokens = torch.stack([noise, *embedded], 1)
        vector = functional.silu(self.vector(torch.cat([noise, *embedded], 1)))
        maps, kept = self.first(code), []
        for layer in self.down:
            if isinstance(layer, Block):
                maps = layer(maps, vector, tokens)
                kept.append(maps)
            else:
                maps = layer(maps)
        maps = self.middle(maps, vector, tokens)
        for layer in self.up:
            if isinstance(layer, Block):
                maps = layer(torch.cat([maps, kept.pop()], 1), vector, tokens)
            else:
                maps = layer(functional.interpolate(maps, scale_factor=2))
        return self.out(functional.silu(self.last(maps)))


def main(n_steps, batch_size, side, n_channels):
    torch.manual_seed(0)
    torch.set_num_threads(2)
    network = Denoiser(n_channels).to(memory_format=torch.channels_last)
    average = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.Adam(network.parameters(), 1.5e-3, betas=(0.9, 0.99))
    code = torch.randn(batch_size, n_channels, side, side)
    code = code.to(memory_format=torch.channels_last)
    indices = [torch.randint(0, size, (batch_size,)) for size in VOCABULARIES]
    for step in range(-3, n_steps):
        if not step:
            start = time.perf_counter(), time.process_time()
        sigma = torch.exp(LEVELS[0] + LEVELS[1] * torch.randn(batch_size, 1, 1, 1))
        noisy = code + sigma * torch.randn_like(code)
        total = sigma**2 + SIGMA_DATA**2
        with torch.autocast("cpu", torch.bfloat16):
            found = network(noisy / total.sqrt(), sigma.log().flatten() / 4, *indices)
        out = sigma * SIGMA_DATA / total.sqrt()
        denoised = SIGMA_DATA**2 / total * noisy + out * found.float()
        loss = ((denoised - code) ** 2 / out**2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        kept = (1 - 1 / (step + 4)) ** AVERAGE_EXPONENT
        with torch.no_grad():
            for mean, parameter in zip(average, network.parameters(), strict=True):
                mean.lerp_(parameter, 1 - kept)
    end = time.perf_counter(), time.process_time()
    seconds, used = ((b - a) / n_steps for a, b in zip(start, end, strict=True))
    n_parameters = sum(p.numel() for p in network.parameters())
    told = {"parameters": n_parameters, "clock": seconds, "processors": used}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
