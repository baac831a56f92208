"""The published corruptions of one image, from their definitions, in numpy, SciPy and Pillow.

Nothing of the plugin is used. Each function takes an image ``(height, width, 3)`` from 0 to 1, the constants of
its severity, and `random`: the random numbers that the plugin drew for that image, by stream.
"""

import colorsys
import io
import itertools
import math

import numpy as np
from PIL import Image
from scipy import ndimage, stats


def gaussian_noise(image, c, random):
    return image + c * random.normal("gaussian_noise", image.shape)


def shot_noise(image, c, random):
    eight_bit = np.round(image * 255) / 255
    return stats.poisson.ppf(random.uniform("shot_noise", image.shape), eight_bit * c) / c


def impulse_noise(image, c, random):
    drawn = (random.words("impulse_noise", image.shape) + 2.0**31) / 2.0**32
    return np.where(drawn < c / 2, 1.0, np.where(drawn < c, 0.0, image))


def speckle_noise(image, c, random):
    return image * (1 + c * random.normal("speckle_noise", image.shape))


def smooth(image, sigma):
    return ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4.0)


def gaussian_blur(image, c, random):
    return smooth(image, c)


def defocus_blur(image, c, random):
    radius, softness = c
    reach, half = (8, 1) if radius <= 8 else (radius, 2)
    kernel = np.zeros((2 * reach + 1,) * 2)
    for y, x in itertools.product(range(-reach, reach + 1), repeat=2):
        kernel[y + reach, x + reach] = x * x + y * y <= radius * radius
    kernel /= kernel.sum()
    weights = np.array([math.exp(-(i**2) / (2 * softness**2)) for i in range(-half, half + 1)])
    for axis in (0, 1):
        kernel = ndimage.correlate1d(kernel, weights / weights.sum(), axis, mode="mirror")
    return ndimage.correlate(image, kernel[:, :, None], mode="mirror")


def glass_blur(image, c, random):
    sigma, reach, times = c
    height, width = image.shape[:2]
    pixels = np.floor(smooth(image, sigma) * 255 + 1e-4)
    for time in range(times):
        shape = (height - 2 * reach, width - 2 * reach, 2)
        moves = random.integers(f"glass_blur/{time}", 2 * reach, shape) - reach
        for h in range(height - reach, reach, -1):
            for w in range(width - reach, reach, -1):
                down, right = moves[h - reach - 1, w - reach - 1]
                pixels[h, w] = pixels[h + down, w + right]
    return smooth(pixels / 255, sigma)


def trail(image, radius, sigma, degrees):
    height, width = image.shape[:2]
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    angle = math.radians(degrees)
    blurred = np.zeros_like(image)
    for i, weight in zip(steps, weights / weights.sum(), strict=True):
        rows = np.arange(height) + math.ceil(i * math.sin(angle) - 0.5)
        columns = np.arange(width) + math.ceil(i * math.cos(angle) - 0.5)
        blurred += weight * image[rows.clip(0, height - 1)][:, columns.clip(0, width - 1)]
    return blurred


def motion_blur(image, c, random):
    return trail(image, *c, 90 * float(random.uniform("motion_blur", ())) - 45)


def zoomed(image, factor):
    side = image.shape[0]
    cut = math.ceil(side / factor)
    first = (side - cut) // 2
    part = image[first : first + cut, first : first + cut]
    large = ndimage.zoom(part, (factor, factor, 1), order=1)
    first = (large.shape[0] - side) // 2
    return large[first : first + side, first : first + side]


def zoom_blur(image, c, random):
    zooms = np.arange(1, *c)
    return (image + sum(zoomed(image, factor) for factor in zooms)) / (len(zooms) + 1)


def luma(image):
    return (image @ np.array([0.299, 0.587, 0.114]))[..., None]


def snow(image, c, random):
    height, width = image.shape[:2]
    flakes = c[0] + c[1] * random.normal("snow", (1, height, width))[0, :, :, None]
    flakes = zoomed(flakes, c[2])
    flakes[flakes < c[3]] = 0
    flakes = np.floor(flakes.clip(0, 1) * 255)
    degrees = 90 * float(random.uniform("snow/angle", ())) - 135
    flakes = np.round(trail(flakes, c[4], c[5], degrees)) / 255
    image = c[6] * image + (1 - c[6]) * np.maximum(image, 1.5 * luma(image) + 0.5)
    return image + flakes + np.rot90(flakes, 2)


def fog(image, c, random):
    thickness, decay = c
    side = image.shape[0]
    size = 2 ** math.ceil(math.log2(side))
    drawn = iter(2 * random.uniform("fog", (size * size - 1,)) - 1)
    heights, step, rough = np.zeros((size, size)), size, 100.0
    while step >= 2:
        half, grid = step // 2, range(0, size, step)

        def fill(row, column, around, rough=rough):
            known = [heights[(row + y) % size, (column + x) % size] for y, x in around]
            heights[row, column] = np.mean(known) + rough**2 * next(drawn)

        corners = list(itertools.product((-half, half), repeat=2))
        sides = [(-half, 0), (half, 0), (0, -half), (0, half)]
        for row, column in itertools.product(grid, repeat=2):
            fill(row + half, column + half, corners)
        for row, column in itertools.product(grid, repeat=2):
            fill(row, column + half, sides)
        for row, column in itertools.product(grid, repeat=2):
            fill(row + half, column, sides)
        step, rough = half, rough / decay
    heights = (heights - heights.min()) / (heights.max() - heights.min())
    foggy = image + thickness * heights[:side, :side, None]
    return foggy * image.max() / (image.max() + thickness)


def by_pixel(image, change):
    pixels = [change(*colorsys.rgb_to_hsv(*pixel)) for pixel in image.reshape(-1, 3)]
    return np.array([colorsys.hsv_to_rgb(*pixel) for pixel in pixels]).reshape(image.shape)


def brightness(image, c, random):
    return by_pixel(image, lambda h, s, v: (h, s, min(v + c, 1)))


def saturate(image, c, random):
    return by_pixel(image, lambda h, s, v: (h, min(max(s * c[0] + c[1], 0), 1), v))


def contrast(image, c, random):
    mean = image.mean((0, 1))
    return (image - mean) * c + mean


def elastic_transform(image, c, random):
    side = image.shape[0]
    move, sigma, corners = (one * (244 if side == 224 else side) for one in c)
    third, half = side // 3, side // 2
    before = half + third * np.array([[1, 1], [1, -1], [-1, -1]])
    after = before + corners * (2 * random.uniform("elastic/corners", (3, 2)) - 1)
    linear = np.linalg.solve((before[1:] - before[0]).astype(float), after[1:] - after[0]).T
    shift = after[0] - linear @ before[0]
    down, across = np.mgrid[:side, :side].astype(float)
    source = np.linalg.inv(linear) @ (np.stack([across.ravel(), down.ravel()]) - shift[:, None])
    image = read_at(image, source[0].reshape(side, side), source[1].reshape(side, side), "mirror")
    if move:
        field = 2 * random.uniform("elastic/moves", (2, side, side)) - 1
        field = [
            move * ndimage.gaussian_filter(f, sigma, mode="reflect", truncate=3) for f in field
        ]
        image = read_at(image, across + field[0], down + field[1], "reflect")
    return image


def read_at(image, across, down, mode):
    channels = image.transpose(2, 0, 1)
    found = [ndimage.map_coordinates(one, [down, across], order=1, mode=mode) for one in channels]
    return np.stack(found, axis=-1)


def picture(image):
    return Image.fromarray(np.round(image * 255).astype(np.uint8))


def pixelate(image, c, random):
    side = image.shape[0]
    small = picture(image).resize((int(side * c),) * 2, Image.Resampling.BOX)
    return np.asarray(small.resize((side, side), Image.Resampling.BOX)) / 255


def jpeg_compression(image, c, random):
    file = io.BytesIO()
    picture(image).save(file, "JPEG", quality=c)
    return np.asarray(Image.open(file)) / 255


def spatter(image, c, random):
    mean, std, gather, least, strength, is_mud = c
    liquid = mean + std * random.normal("spatter", (1, *image.shape[:2]))[0]
    liquid = ndimage.gaussian_filter(liquid, gather, mode="nearest", truncate=4.0)
    liquid[liquid < least] = 0
    if is_mud:
        mud = (liquid > least).astype(float)
        mud = ndimage.gaussian_filter(mud, strength, mode="nearest", truncate=4.0)[..., None]
        mud[mud < 0.8] = 0
        return image * (1 - mud) + mud * np.array([63, 42, 20]) / 255
    liquid = np.floor(liquid * 255)
    found = canny(liquid, 50, 150)
    far = ndimage.distance_transform_edt(~found) if found.any() else np.full(liquid.shape, 20.0)
    box = np.full((3, 3), 1 / 9)
    relief = equalized(
        np.floor(ndimage.correlate(far.clip(max=20), box, mode="mirror")).astype(int)
    )
    light = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    lit = ndimage.correlate(relief.astype(float), light, mode="mirror").clip(0, 255)
    shine = liquid * np.round(ndimage.correlate(lit, box, mode="mirror"))
    shine = shine / max(shine.max(), 1e-6)
    return image + strength * shine[..., None] * np.array([175, 238, 238]) / 255


def canny(levels, low, high):
    across, down = (ndimage.sobel(levels, axis, mode="nearest") for axis in (1, 0))
    size = np.pad(abs(across) + abs(down), 1)
    weak = np.zeros(levels.shape, dtype=bool)
    for y, x in np.ndindex(levels.shape):
        angle = math.degrees(math.atan2(abs(down[y, x]), abs(across[y, x])))
        slope = 1 if across[y, x] * down[y, x] >= 0 else -1
        before, after = (
            size[y + 1 + s * (angle > 22.5), x + 1 + s * (angle < 67.5) * slope ** (angle > 22.5)]
            for s in (-1, 1)
        )
        here = size[y + 1, x + 1]
        diagonal = 22.5 < angle < 67.5
        weak[y, x] = here > low and here > before and (here > after if diagonal else here >= after)
    parts, _ = ndimage.label(weak, structure=np.ones((3, 3)))
    strong = np.unique(parts[weak & (size[1:-1, 1:-1] > high)])
    return np.isin(parts, strong) & weak


def equalized(levels):
    kinds, counts = np.unique(levels, return_counts=True)
    if len(kinds) == 1:
        return levels
    until = np.cumsum(counts) - counts[0]
    return np.round(until * 255 / (levels.size - counts[0]))[np.searchsorted(kinds, levels)]
