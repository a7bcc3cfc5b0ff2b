"""Published means published: every number of the texts, and where it stands in them.

Places: sections, equations, tables and algorithms of the papers; "p." with the heading
of a repository page. What the texts leave open is marked in the recipes, and not held
here.
"""

import inspect

import cv2
import keras
import numpy as np
import pytest

from keras_derm.classifiers import build_classifier
from keras_derm.generative.adversarial import networks, translation_networks
from keras_derm.generative.adversarial.cyclegan import CycleGAN
from keras_derm.generative.adversarial.sngan import SNGAN
from keras_derm.layers import augmentation, preparation, presets
from keras_derm.segmentation.fcn import FILTERS, fcn
from keras_derm.settings import Recipe
from keras_derm.skin_tone.individual_typology_angle import PUBLISHED_MIN_PIXELS
from keras_derm.skin_tone.masks import published_mask
from keras_derm.skin_tone.thresholds import tone_of_angle

CLASSIFIER, GENERATOR = "train_classifier", "train_generator.generator"
MEMBER, PREPARE = "train_classifier.members.0", "prepare_dataset"
OPTIMIZATION = "train_classifier.optimization"
LESIONS = "train_lesion_classifier"

SETTINGS = {
    "sn_gan_ensemble": [
        (f"{PREPARE}.image_size", 224, "III.B: standardized dimension of 224x224"),
        (f"{PREPARE}.darkened", 0.25, "III.C: specified probability of 0.25"),
        (f"{PREPARE}.darkening", 0.5, "III.C: darkening factor of 0.5"),
        (f"{PREPARE}.preset", "sn_gan_ensemble", "III.C; V, Fig. 3: Blackhat method"),
        ("train_generator.image_size", 224, "III.D: target resolution of 224x224"),
        (f"{GENERATOR}.sngan.learning_rate", 2e-4, "IV.C: lr=0.0002"),
        (f"{GENERATOR}.sngan.loss", "binary_crossentropy", "III.D, IV.D"),
        (f"{GENERATOR}.sngan.batch_normalization", True, "IV.B: batch normalization"),
        (f"{GENERATOR}.sngan.augmentation", False, "III.D names none"),
        (f"{GENERATOR}.sngan.ema_decay", 0.0, "III.D names no average of weights"),
        (f"{CLASSIFIER}.task", "diagnosis8", "III.A: ISIC 2019; Fig. 7: its classes"),
        (f"{CLASSIFIER}.imbalance", "class_weights", "Abstract: class weights"),
        (f"{GENERATOR}.sngan.conditional", True, "ours: its GAN gets noise alone"),
        (f"{CLASSIFIER}.ensemble_weights", "equal", "IV.E: averaging their outputs"),
        (f"{CLASSIFIER}.gradient_checkpointing", True, "III.I.4"),
        (f"{CLASSIFIER}.members.0.backbone", "ResNet50", "III.F.1"),
        (f"{CLASSIFIER}.members.0.image_size", 224, "III.F.1: (224,224,3)"),
        (f"{CLASSIFIER}.members.1.backbone", "InceptionResNetV2", "III.F.2"),
        (f"{CLASSIFIER}.members.1.image_size", 299, "III.F.2: (299,299,3)"),
        (f"{CLASSIFIER}.members.2.backbone", "NASNetLarge", "III.F.3"),
        (f"{CLASSIFIER}.members.2.image_size", 331, "III.F.3: 331x331 pixels"),
        *[
            (f"{CLASSIFIER}.weights.{name}", "imagenet", "ours: I says fine-tuned")
            for name in ("ResNet50", "InceptionResNetV2", "NASNetLarge")
        ],
        ("export_tflite.mode", "int8", "III.I.5: quantized models for inference"),
    ],
    "lora_diffusion": [
        ("audit_skin_tone.rule", "published", "3.1, equation 1"),
        ("audit_skin_tone.tone_by", "ita", "3.1: ITA for each image"),
        (f"{PREPARE}.preset", "lora_diffusion", "3.3.1: order of the filters"),
        (f"{PREPARE}.image_size", 256, "3.3.1: after resizing to 256x256"),
        (f"{PREPARE}.exclude_artefacts", True, "3.3.1: major artefacts were excluded"),
        (f"{PREPARE}.fractions", [0.7, 0.15, 0.15], "3.2: 70%, 15%, 15%"),
        (f"{GENERATOR}.stable_diffusion.where", "tone_group=dark", "3.2: FST V and VI"),
        (
            f"{GENERATOR}.stable_diffusion.modules",
            "cross_attention",
            "3.2: the cross-attention layers of the U-Net",
        ),
        (f"{GENERATOR}.stable_diffusion.n_inference_steps", 30, "3.2: 30 steps"),
        (f"{GENERATOR}.stable_diffusion.guidance", [7.5, 7.5], "3.2: scale of 7.5"),
        ("synthesize.cells.0.diagnosis", "melanocytic", "3.2: Generator-1"),
        (
            "synthesize.cells.0.tone_group",
            "dark",
            "Table 2: dark skin tones exclusively",
        ),
        ("synthesize.cells.0.count", 144, "3.2 and Table 2: 144 melanocytic"),
        ("synthesize.cells.1.diagnosis", "not_melanocytic", "3.2: Generator-2"),
        (
            "synthesize.cells.1.tone_group",
            "dark",
            "Table 2: dark skin tones exclusively",
        ),
        ("synthesize.cells.1.count", 664, "3.2 and Table 2: 664 non-melanocytic"),
        (f"{CLASSIFIER}.task", "melanocytic", "3.3.3"),
        (f"{CLASSIFIER}.preset", "lora_diffusion", "3.3.1: training augmentations"),
        (f"{CLASSIFIER}.hidden_units", 512, "3.3.3: 512 units, ReLU"),
        (f"{CLASSIFIER}.dropout", 0.3, "3.3.3: rate = 0.3"),
        (f"{CLASSIFIER}.batch_size", 32, "3.3.3: batch size 32"),
        (f"{CLASSIFIER}.weight_decay", 1e-4, "3.3.3: weight decay of 10^-4"),
        (f"{CLASSIFIER}.imbalance", "none", "3.3.3: equal class weights"),
        (f"{CLASSIFIER}.seed", 42, "3.3.3: fixed random seed (42)"),
        (f"{CLASSIFIER}.weights.EfficientNetB0", "imagenet", "3.3.3"),
        (f"{MEMBER}.backbone", "EfficientNetB0", "3.3.3"),
        (f"{MEMBER}.image_size", 224, "3.3.1: centre-cropped at 224x224"),
        (f"{MEMBER}.cropped_from", 256, "3.3.1: after resizing to 256x256"),
        (f"{MEMBER}.epochs", 25, "3.3.3: maximum of 25 epochs"),
        (f"{MEMBER}.learning_rate", 1e-4, "3.3.3: initial learning rate of 10^-4"),
        (f"{OPTIMIZATION}.optimizer", "adam", "3.3.3"),
        (f"{OPTIMIZATION}.schedule", "plateau", "3.3.3: ReduceLROnPlateau"),
        (f"{OPTIMIZATION}.monitor", "val_auc", "3.3.3: best validation AUC"),
        (f"{OPTIMIZATION}.plateau_factor", 0.5, "3.3.3: factor of 0.5"),
        (f"{OPTIMIZATION}.plateau_patience", 3, "3.3.3: after 3 epochs"),
        (f"{OPTIMIZATION}.min_learning_rate", 1e-7, "3.3.3: threshold of 10^-7"),
        (f"{OPTIMIZATION}.early_stopping", 7, "3.3.3: patience of 7 epochs"),
        (f"{OPTIMIZATION}.clip_norm", 1.0, "3.3.3: max norm = 1.0"),
        (f"{OPTIMIZATION}.head_epochs", 3, "3.3.3: after 3 epochs of the head"),
        (f"{PREPARE}.seed", 42, "3.3.3: all results, seed (42)"),
        ("train_generator.seed", 42, "3.3.3: all results, seed (42)"),
        ("synthesize.seed", 42, "3.3.3: all results, seed (42)"),
        ("train_segmenter.network", "fcn", "3.3.2"),
        ("train_segmenter.optimization.schedule", "constant", "3.3.2 names none"),
        ("train_segmenter.optimization.clip_norm", None, "3.3.2 names none"),
        ("train_segmenter.weight_decay", 0, "3.3.2 names none"),
        ("train_segmenter.preset", "lora_diffusion", "3.3.1: all images underwent"),
        ("train_segmenter.image_size", 224, "3.3.1: resized to 224x224 pixels"),
        ("train_segmenter.loss", "cross_entropy", "3.3.2: binary cross-entropy"),
        ("train_segmenter.optimization.optimizer", "adam", "3.3.2"),
        ("train_segmenter.learning_rate", 1e-4, "3.3.2: learning rate 10^-4"),
        ("train_segmenter.epochs", 30, "3.3.2: 30 epochs"),
        ("train_segmenter.batch_size", 16, "3.3.2: batch size 16"),
        ("train_segmenter.seed", 42, "3.3.3: all results, seed (42)"),
        ("evaluate_segmenter.rules.2", "max_flow", "3.3.2, Table 3"),
    ],
    "cwgan_gp": [
        (f"{PREPARE}.image_size", 224, "p. Methodology: 224x224 for CNN training"),
        (f"{PREPARE}.preset", "cwgan_gp", "p. Methodology: resized and normalized"),
        (f"{GENERATOR}.conditional_wgan_gp.diagnoses", ["MEL"], "p. Methodology: only"),
        (
            f"{GENERATOR}.conditional_wgan_gp.conditional",
            True,
            "p. Methodology: labels",
        ),
        ("synthesize.cells.0.diagnosis", "MEL", "p. Methodology"),
        ("synthesize.cells.0.count", 1000, "p. Methodology: 1,000 synthetic images"),
        (f"{CLASSIFIER}.task", "melanoma", "p. Project Objectives"),
        (f"{MEMBER}.backbone", "CustomCNN", "p. Methodology: a custom CNN"),
        (f"{MEMBER}.image_size", 224, "p. Methodology: 224x224 for CNN training"),
        (f"{CLASSIFIER}.weights", {}, "p. Tools: built from scratch"),
        (f"{CLASSIFIER}.imbalance", "none", "p. Methodology names nothing else"),
    ],
    "melanet": [
        (f"{PREPARE}.split", "archive", "3, Dataset: 900 and 379 images"),
        (f"{PREPARE}.preset", "melanet", "3, Dataset: padding to make them square"),
        (f"{PREPARE}.image_size", 256, "2.4, 3: 256 x 256 pixels"),
        (f"{GENERATOR}.cyclegan.loss", "binary_crossentropy", "Equations 2 and 3"),
        (f"{GENERATOR}.cyclegan.identity_weight", 0.0, "Equation 1"),
        (f"{GENERATOR}.cyclegan.learning_rate", 2e-4, "3: learning rate 0.0002"),
        (f"{GENERATOR}.cyclegan.batch_size", 1, "3: batch size 1"),
        (f"{GENERATOR}.cyclegan.decay", False, "3 names no decay"),
        ("train_generator.epochs", 500, "3: 500 epochs"),
        ("train_generator.image_size", 256, "2.4: 256 x 256 x 3"),
        ("synthesize.cells.0.diagnosis", "MEL", "Algorithm 1: translate to malignant"),
        ("synthesize.cells.0.for_each", "benign", "Algorithm 1, lines 7 to 13"),
        (f"{CLASSIFIER}.task", "melanoma", "3, Dataset"),
        (f"{CLASSIFIER}.preset", "melanet", "2.3: no on-the-fly augmentation"),
        (f"{CLASSIFIER}.batch_size", 16, "3: mini-batch 16"),
        (f"{CLASSIFIER}.imbalance", "focal", "Equation 6"),
        (f"{CLASSIFIER}.focal_alpha", 0.25, "3: alpha = 0.25 for positive"),
        (f"{CLASSIFIER}.focal_gamma", 2.0, "3: gamma = 2"),
        (f"{CLASSIFIER}.dropout", 0.0, "2.2: GAP, then softmax of two units"),
        (f"{CLASSIFIER}.hidden_units", None, "2.2: GAP, then softmax of two units"),
        (f"{CLASSIFIER}.weight_decay", 0.0, "3 names none"),
        (f"{OPTIMIZATION}.clip_norm", None, "3 names none"),
        (f"{CLASSIFIER}.weights.VGG16", "imagenet", "2.2: pre-trained VGG-16"),
        (f"{OPTIMIZATION}.optimizer", "adadelta", "3: Adadelta"),
        (f"{OPTIMIZATION}.monitor", "val_training_loss", "3: once the loss stagnates"),
        (f"{OPTIMIZATION}.schedule", "plateau", "3: once the loss stagnates"),
        (f"{OPTIMIZATION}.plateau_factor", 0.1, "3: a factor of 0.1"),
        (f"{OPTIMIZATION}.head_epochs", 0, "3: all network layers"),
        (f"{MEMBER}.backbone", "VGG16", "2.2"),
        (f"{MEMBER}.image_size", 256, "2.4"),
        (f"{MEMBER}.input_scaling", "unit", "2.3: values between 0 and 1"),
        (f"{MEMBER}.learning_rate", 1e-3, "3: learning rate 0.001"),
        (f"{CLASSIFIER}.arms.copies_5x.n_copies", 5, "3: from 900 to 5400"),
        (f"{CLASSIFIER}.arms.copies_10x.n_copies", 10, "3: 10 times the original set"),
        (f"{CLASSIFIER}.arms.copies_5x.copies", "melanet_paper", "2.3: its list"),
        (f"{CLASSIFIER}.arms.copies_10x.copies", "melanet_paper", "2.3: its list"),
        (f"{CLASSIFIER}.arms.copies_5x_code.copies", "melanet_code", "augment.py"),
        (f"{CLASSIFIER}.arms.copies_10x_code.copies", "melanet_code", "augment.py"),
        ("explain.method", "grad_cam", "3.1, Fig. 7 and 8"),
    ],
    "milk10k": [
        (
            "audit_skin_tone.image_types",
            ["dermoscopic", "clinical: close-up"],
            "p. Input Data: one clinical close-up image and one dermoscopic image",
        ),
        (f"{LESIONS}.task", "diagnosis11", "p. Task: eleven probability estimates"),
        (
            f"{LESIONS}.columns",
            ["age_approx", "sex", "anatom_site_general"],
            "p. Input Data: age, sex, anatomic site",
        ),
        (f"{LESIONS}.photograph_columns", ["MONET_*"], "p. Input Data: MONET"),
        (f"{LESIONS}.decision", "macro_f1", "isic-challenge-scoring: mean of Dice"),
    ],
}
WITH_CLASSIFIERS = [
    name for name in SETTINGS if CLASSIFIER in Recipe.load(name, "published").only
]


def default(function, name):
    return inspect.signature(function).parameters[name].default


def layer_config(chain, name):
    (layer,) = [one for one in chain.layers if type(one).__name__ == name]
    return layer.get_config()


def kinds(chain):
    return [type(layer).__name__ for layer in chain.layers]


def slopes(network):
    """Least and greatest slope of the LeakyReLU layers, of which there are some."""
    found = [
        layer.negative_slope
        for layer in network.layers
        if isinstance(layer, keras.layers.LeakyReLU)
    ]
    return min(found), max(found)


def discriminator():
    return networks.build_discriminator(32, 4, True, 0.25, True)


def unnormalised(network):
    """Names of convolutions and dense layers whose weights are not normalised."""
    return [
        layer.name
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)
    ]


def after_transposed_convolutions(network):
    """Kinds of the two layers behind each transposed convolution but the last."""
    names = kinds(network)
    places = [i for i, name in enumerate(names) if name == "Conv2DTranspose"]
    return {tuple(names[i + 1 : i + 3]) for i in places[:-1]}


def limits_of_skin():
    """Least and greatest Cb and Cr of the colours that the published mask calls skin.

    Raises:
        AssertionError: Skin is no rectangle of them.
    """
    values = np.arange(0, 256, 3, dtype=np.uint8)
    colours = np.stack(np.meshgrid(values, values, values), axis=-1).reshape(1, -1, 3)
    skin = published_mask(colours)[0]
    _, cr, cb = cv2.split(cv2.cvtColor(colours, cv2.COLOR_RGB2YCrCb))
    limits = {"Cb": cb[0], "Cr": cr[0]}
    found = {
        name: (int(of[skin].min()), int(of[skin].max())) for name, of in limits.items()
    }
    within = [
        (of >= low) & (of <= high)
        for of, (low, high) in zip(limits.values(), found.values(), strict=True)
    ]
    assert np.array_equal(skin, within[0] & within[1])
    return found


def count(network, kind):
    return sum(type(layer).__name__ == kind for layer in network.layers)


def jitter(name):
    config = layer_config(augmentation("lora_diffusion"), "RandomColourJitter")
    return config[name]


def vgg_gap():
    model = build_classifier("VGG16", 2, 32, dropout=0.0)
    return [
        layer.filters
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]


PARTS = {
    "sn_gan_ensemble": [
        (lambda: SNGAN.BETAS, (0.5, 0.999), "IV.C: betas=(0.5, 0.999)"),
        (
            lambda: kinds(preparation("sn_gan_ensemble", 224)),
            ["SquareResize", "HairRemoval"],
            "III.B, III.C: resized, (darkened,) then hair removal",
        ),
        (
            lambda: layer_config(preparation("sn_gan_ensemble", 224), "HairRemoval")[
                "method"
            ],
            "published",
            "V, Fig. 3: Blackhat method",
        ),
        (
            lambda: networks.build_generator(32, 8, 4).layers[-1].activation.__name__,
            "tanh",
            "III.D, IV.A: tanh",
        ),
        (
            lambda: after_transposed_convolutions(networks.build_generator(32, 8, 4)),
            {("ConditionalBatchNormalization", "ReLU")},
            "III.D, IV.A: batch normalization and ReLU",
        ),
        (lambda: slopes(discriminator()), (0.2, 0.2), "IV.B: alpha within 0.01 to 0.3"),
        (lambda: count(discriminator(), "Dropout") > 0, True, "III.D: dropout layers"),
        (
            lambda: unnormalised(discriminator()),
            [],
            "III.D: spectral normalization of each layer",
        ),
        (
            lambda: count(discriminator(), "SpectralNormalization") > 3,
            True,
            "III.D: spectral normalization of each layer",
        ),
    ],
    "lora_diffusion": [
        (lambda: PUBLISHED_MIN_PIXELS, 500, "3.1: fewer than 500 skin pixels"),
        (
            lambda: [
                str(one)
                for limit in (55, 41, 28, 10, -30)
                for one in tone_of_angle(np.array([limit + 0.01, limit - 0.01]))
            ],
            ["I", "II", "II", "III", "III", "IV", "IV", "V", "V", "VI"],
            "3.1: 55, 41, 28, 10, -30",
        ),
        (
            limits_of_skin,
            {"Cb": (77, 173), "Cr": (133, 255)},
            "3.1: Cb within 77 to 173, Cr within 133 to 255",
        ),
        (
            lambda: [
                np.round(np.ravel(values), 5).tolist()
                for layer in fcn(32).layers
                if layer.name == "rescaling"
                for values in (layer.scale, layer.offset)
            ],
            [
                np.round(1 / (255 * np.array([0.229, 0.224, 0.225])), 5).tolist(),
                np.round(
                    -np.array([0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225], 5
                ).tolist(),
            ],
            "3.3.1: ImageNet channel statistics",
        ),
        (
            lambda: kinds(preparation("lora_diffusion", 256)),
            [
                "SquareResize",
                "NonLocalMeans",
                "GammaCorrection",
                "CLAHE",
                "HairRemoval",
                "ArtefactSuppression",
            ],
            "3.3.1: applied sequentially",
        ),
        (
            lambda: kinds(augmentation("lora_diffusion")),
            ["RandomMirror", "RandomColourJitter"],
            "3.3.1: both flips, colour jittering",
        ),
        (lambda: jitter("brightness"), 0.2, "3.3.1: brightness 0.2"),
        (lambda: jitter("contrast"), 0.2, "3.3.1: contrast 0.2"),
        (lambda: jitter("saturation"), 0.2, "3.3.1: saturation 0.2"),
        (lambda: jitter("hue"), 0.1, "3.3.1: hue 0.1"),
        (
            lambda: [
                layer.name
                for layer in build_classifier(
                    "CustomCNN", 2, 28, hidden_units=512, cropped_from=32
                ).layers
            ][-4:],
            ["pooling", "hidden", "dropout", "probabilities"],
            "3.3.3: 512 units with dropout, then two classes",
        ),
        (lambda: FILTERS, (16, 32, 64), "3.3.2: 16, 32, 64 filters"),
    ],
    "cwgan_gp": [
        (
            lambda: kinds(preparation("cwgan_gp", 224)),
            ["SquareResize"],
            "p. Methodology",
        ),
    ],
    "melanet": [
        (
            lambda: kinds(preparation("melanet", 256)),
            ["SquarePad", "MinMaxRescale"],
            "3: padding and resizing; equation 7",
        ),
        (lambda: kinds(augmentation("melanet")), [], "2.3: none while it trains"),
        (
            lambda: kinds(presets._COPIES["melanet_paper"]([0] * 6)),
            [
                "RandomMirror",
                "RandomRotation",
                "RandomZoom",
                "RandomTranslation",
                "RandomColourJitter",
                "RandomNoise",
            ],
            "2.3: flips, rotation, zoom, shifts, brightness and colour space, noise",
        ),
        (lambda: default(CycleGAN.__init__, "cycle_weight"), 10.0, "3: lambda to 10"),
        (
            lambda: (
                count(
                    translation_networks.build_translator(32, 4, 3, "t"), "Concatenate"
                )
                > 0
            ),
            True,
            "2.1: U-Net generators",
        ),
        (
            lambda: (
                translation_networks.build_patch_discriminator(64, 8, "d").output_shape[
                    1
                ]
                > 1
            ),
            True,
            "2.1: PatchGAN discriminators",
        ),
        (
            vgg_gap,
            [64, 64, 128, 128, 256, 256, 256, *[512] * 6],
            "2.2: 13 convolutions of 64 to 512 filters",
        ),
    ],
}


def at(recipe, path):
    """What stands at a path of a recipe: a stage, then names and positions."""
    stage, *names = path.split(".")
    if stage in ("train_classifier", "train_segmenter"):
        arms = {name: arm.to_dict() for name, arm in recipe.arms(stage).items()}
        value = arms["baseline"] | {"arms": arms}
    else:
        needed = {"data": "phantom"} if stage == "audit_skin_tone" else {}
        value = recipe.settings(stage, **needed).to_dict()
    for name in names:
        value = value[int(name)] if isinstance(value, list | tuple) else value[name]
    return value


@pytest.mark.parametrize("name", SETTINGS)
def test_recipe_says_what_its_text_says(name):
    recipe = Recipe.load(name, "published")
    found = {path: at(recipe, path) for path, _, _ in SETTINGS[name]}
    wrong = [
        f"{path} is {found[path]!r}, but {value!r} by {place}"
        for path, value, place in SETTINGS[name]
        if found[path] != value
    ]
    assert wrong == []


@pytest.mark.parametrize("name", PARTS)
def test_part_is_what_its_text_says(name):
    wrong = [
        f"{found!r}, but {value!r} by {place}"
        for found, value, place in ((part(), *rest) for part, *rest in PARTS[name])
        if found != value
    ]
    assert wrong == []


@pytest.mark.parametrize("name", WITH_CLASSIFIERS)
def test_augmented_arm_learns_as_the_baseline_does(name):
    arms = Recipe.load(name, "published").arms()
    baseline, augmented = (arms[one].to_dict() for one in ("baseline", "augmented"))
    assert [key for key in baseline if baseline[key] != augmented[key]] == ["arm"]
    assert arms["augmented"].added == "synthetic"
