"""Seconds a training step of each generator takes, against Keras and PyTorch.

The same networks, batch, optimizers and number of threads, in turns in one run, each
in a process of its own: a plain Keras example of each paper's algorithm
(`generator_peers/keras_example.py`), the same in PyTorch (`torch_example.py`), ours
as it trains by default, and ours without moving average and augmentation, which the
others do not have. Numbers of trained parameters are checked to be equal. Where other
programs run beside it, the seconds of all processors say more than the clock. PyTorch
is no requirement of keras_derm: `pip install torch` brings it for this comparison.

Usage: python benchmarks/generator_speed.py [--models [sngan]] [--n_rounds 10]
"""

import importlib.util
import os
import time
from multiprocessing import get_context

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Threads of PyTorch that wait by turning round take a busy processor from each other.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from jsonargparse import auto_cli

MODELS = ("sngan", "conditional_wgan_gp", "cyclegan")
KERAS, TORCH, OURS, PLAIN = "Keras example", "PyTorch", "keras_derm", "options off"
CRITIC_STEPS = 5
OPTIONS_OFF = {"ema_decay": 0.0, "augmentation": False}


def batch(model, image_size, batch_size):
    """Images and conditions of one step: uint8 and int32 arrays."""
    generator = np.random.default_rng(0)
    if model == "cyclegan":
        shape = (2, batch_size, image_size, image_size, 3)
        return tuple(generator.integers(0, 256, shape).astype("uint8"))
    n = batch_size * (CRITIC_STEPS if model == "conditional_wgan_gp" else 1)
    images = generator.integers(0, 256, (n, image_size, image_size, 3))
    conditions = (generator.integers(0, high, n).astype("int32") for high in (8, 7))
    return images.astype("uint8"), *conditions


def torch_step(model, image_size, base_channels, data, n_threads):
    """A function that does one step, and the numbers of parameters of both sides."""
    import torch
    from generator_peers import torch_example

    torch.set_num_threads(n_threads)
    network = torch_example.build(model, image_size, base_channels)
    tensors = [
        torch.from_numpy(values.astype("float32") / 127.5 - 1).permute(0, 3, 1, 2)
        if values.ndim == 4
        else torch.from_numpy(values)
        for values in data
    ]
    tensors = [values.contiguous() for values in tensors]
    return lambda: network.step(*tensors), network.n_parameters


def keras_step(contender, model, image_size, base_channels, data, n_threads):
    """As `torch_step`: the function that `fit` calls, on the same data set each."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(n_threads)
    tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    if contender == KERAS:
        from generator_peers import keras_example

        network = keras_example.build(model, image_size, base_channels)
        n_parameters = network.n_parameters
        data = [v / np.float32(127.5) - 1 if v.ndim == 4 else v for v in data]
    else:
        from keras_derm import generative

        build = getattr(generative, f"build_{model}")
        options = OPTIONS_OFF if contender == PLAIN else {}
        network = build(image_size, base_channels=base_channels, **options)
        network.compile()
        n_parameters = [
            sum(int(np.prod(v.shape)) for v in network._side_variables(side))
            for side in network.SIDES
        ]
    batches = iter(tf.data.Dataset.from_tensors(tuple(data)).repeat().prefetch(2))
    network.make_train_function()

    def step():
        logs = network.train_function(batches)
        return float(logs["generator_loss"])

    return step, n_parameters


def worker(connection, contender, *arguments):
    """Does as many steps as it is asked for, and sends what each took."""
    make = torch_step if contender == TORCH else keras_step
    arguments = arguments if contender == TORCH else (contender, *arguments)
    step, n_parameters = make(*arguments)
    step()
    connection.send(n_parameters)
    while n_steps := connection.recv():
        times = []
        for _ in range(n_steps):
            start = time.perf_counter(), time.process_time()
            step()
            end = time.perf_counter(), time.process_time()
            times.append(np.subtract(end, start))
        connection.send(times)


def measured(contenders, n_rounds, n_steps, *arguments):
    """Median seconds a step of each contender, by the clock and of the processors."""
    context, connections, processes = get_context("spawn"), {}, []
    for name in contenders:
        connections[name], end = context.Pipe()
        process = context.Process(target=worker, args=(end, name, *arguments))
        process.start()
        end.close()
        processes.append(process)
    n_parameters = {name: link.recv() for name, link in connections.items()}
    times = {name: [] for name in contenders}
    for turn in range(n_rounds + 1):
        for name, link in connections.items():
            link.send(n_steps)
            taken = link.recv()
            if turn:  # The first turn warms up.
                times[name] += taken
    for link, process in zip(connections.values(), processes, strict=True):
        link.send(0)
        process.join()
    if len({tuple(numbers) for numbers in n_parameters.values()}) > 1:
        raise SystemExit(f"networks differ in trained parameters: {n_parameters}")
    medians = {name: np.median(taken, axis=0) for name, taken in times.items()}
    return medians, n_parameters[OURS]


def main(
    models: list[str] | None = None,
    image_size: int = 64,
    base_channels: int = 32,
    n_rounds: int = 10,
    n_steps: int = 3,
    n_threads: int = 2,
) -> None:
    """Print a table: seconds a step, and ratios of medians (above 1: ours is slower).

    Args:
        models: Of sngan, conditional_wgan_gp and cyclegan; all by default.
        image_size: Side of the images in pixels, a power of 2.
        base_channels: Channels of the networks at half of the image size.
        n_rounds: Turns of every contender.
        n_steps: Steps of a turn.
        n_threads: Threads of every contender.
    """
    from rich.console import Console
    from rich.table import Table

    contenders = [KERAS, TORCH, OURS, PLAIN]
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: `pip install torch` to compare with it too.")
        contenders.remove(TORCH)
    rivals = [name for name in contenders if name in (KERAS, TORCH)]
    for model in models or MODELS:
        batch_size = 1 if model == "cyclegan" else 64
        data = batch(model, image_size, batch_size)
        arguments = model, image_size, base_channels, data, n_threads
        seconds, n_parameters = measured(contenders, n_rounds, n_steps, *arguments)
        table = Table(
            title=f"{model}, {image_size} px, batch {batch_size}, "
            + " + ".join(f"{n / 1e6:.2f}" for n in n_parameters)
            + f" M parameters, {n_threads} threads"
        )
        table.add_column("seconds a step")
        for title in contenders:
            table.add_column(title, justify="right")
        for ours in (OURS, PLAIN):
            for rival in rivals:
                table.add_column(f"{ours} / {rival}", justify="right")
        for i, clock in enumerate(("by the clock", "of processors")):
            taken = {name: seconds[name][i] for name in contenders}
            table.add_row(
                clock,
                *(f"{taken[name]:.3f}" for name in contenders),
                *(
                    f"{taken[ours] / taken[rival]:.2f}"
                    for ours in (OURS, PLAIN)
                    for rival in rivals
                ),
            )
        Console(width=None if os.isatty(1) else 140).print(table)


if __name__ == "__main__":
    auto_cli(main)
