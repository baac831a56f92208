"""The corruptions of ImageNet-C-bar of one square image, pixel by pixel from their definitions, in numpy and SciPy.

Nothing of the plugin is used. Each takes an image ``(side, side, 3)`` from 0 to 255, the published strength, and
`random`: the random numbers that the plugin drew for that image, by stream.
"""

import math

import numpy as np
from scipy import fft, ndimage

STRENGTH = {
    "blue_noise_sample": ((0.7, 1.4, 2.1, 3.5, 4.2), (0.8, 1.6, 2.4, 4.0, 5.6)),
    "plasma_noise": ((4.75, 7.0, 8.5, 9.25, 10.0),) * 2,
    "checkerboard_cutout": ((1.0, 2.0, 3.0, 4.0, 5.0), (2.0, 3.0, 4.0, 5.0, 6.0)),
    "cocentric_sine_waves": ((3.0, 5.0, 8.0, 9.0, 10.0),) * 2,
    "single_frequency_greyscale": ((1.0, 1.5, 2.0, 4.5, 5.0),) * 2,
    "brownish_noise": ((2.5, 4.0, 5.5, 6.5, 7.0), (1.0, 2.0, 3.0, 4.0, 5.0)),
    "inverse_sparkles": ((1.0, 1.5, 2.5, 4.5, 5.0), (1.0, 2.0, 4.0, 9.0, 10.0)),
    "sparkles": ((0.7, 3.5, 5.6, 6.3, 7.0), (1.0, 2.0, 3.0, 5.0, 6.0)),
    "perlin_noise": ((4.6, 5.2, 5.8, 7.6, 8.8),) * 2,
    "caustic_refraction": ((2.35, 3.2, 4.9, 6.6, 9.15),) * 2,
}


def of_pixels(side, value):
    return np.array([[value(y, x) for x in range(side)] for y in range(side)])


def single_frequency_greyscale(image, c, random):
    u = random.uniform("single_frequency_greyscale", (4,))
    first = 2 * math.pi * u[0] - math.pi
    pair = [first, (2 * u[1] - 1) * abs(first)]
    if u[2] < 0.5:
        pair.reverse()
    wave = of_pixels(
        len(image), lambda y, x: math.sin(x * pair[0] + y * pair[1] + 2 * math.pi * u[3])
    )
    return image + 19.6 * c * wave[..., None]


def cocentric_sine_waves(image, c, random):
    side = len(image)
    u = random.uniform("cocentric_sine_waves", (5,))
    left, top, often = side * u[0], side * u[1], 10 * u[2]
    amplitude, ring = side / 10 * u[3], side / 10 * u[4]

    def tooth(y, x):
        angle = math.atan2(x - left, y - top) * often
        distance = math.sqrt((x - left) ** 2 + (y - top) ** 2) + math.sin(angle) * amplitude
        return (distance % ring) / ring - 0.5

    return image + 12.8 * c * of_pixels(side, tooth)[..., None]


def plasma_noise(image, c, random):
    u = random.uniform("plasma_noise", (3,))
    time, sharp, scale = 6 * math.pi * u[0], 0.5 + 0.5 * u[1], (0.075 + 0.125 * u[2]) * len(image)
    times = 4 + int(random.integers("plasma_noise/times", 3, ()))

    def colour(y, x):
        x, y = x / scale, y / scale
        factors = [1.0, 1.0, 1.0]
        for _ in range(times):
            a = math.cos(y * factors[0] + time / factors[1]) / factors[2]
            b = math.sin(x * factors[0] + time / factors[1]) / factors[2]
            x, y = x + a - 0.3 * b, y + b + 0.3 * a
            factors = [factors[0] * 1.93, factors[1] * 1.15, factors[2] * (2.25 - sharp)]
        return math.sin(x - time), math.sin((x + y + math.sin(time)) / 2), math.sin(y + time)

    intensity = 6.4 * c
    return (1 - intensity / 255) * image + intensity * of_pixels(len(image), colour)


def star(side, random, stream, centre, lengths, steepness):
    rays = 50 + int(random.integers(stream, 150, ()))

    def shine(y, x):
        down, across = y - centre[0], x - centre[1]
        turn = (math.atan2(across, down) + math.pi) / (2 * math.pi) * rays
        ray = int(turn)
        share = turn - ray
        here, after = lengths[ray % rays], lengths[(ray + 1) % rays]
        glow = (here + share * (after - here)) ** 2 / (down**2 + across**2 + 1e-4)
        return (1 - (share - 0.5) ** 2) * glow**steepness

    return of_pixels(side, shine).clip(0, 1)[..., None]


def sparkles(image, c, random):
    side = len(image)
    radius = 0.01 * c * side
    for one in range(5):
        stream = f"sparkles/{one}"
        centre = side * random.uniform(stream, (2,))
        lengths = (radius + 0.25 * radius * random.normal(stream, (199,))).clip(min=1)
        image = image + star(side, random, stream, centre, lengths, 1) * (255 - image)
    return image


def inverse_sparkles(image, c, random):
    side = len(image)
    centre = (0.25 + 0.5 * random.uniform("inverse_sparkles", (2,))) * side
    lengths = 0.25 * side * (1 + 0.25 * random.normal("inverse_sparkles", (199,)))
    stays = star(side, random, "inverse_sparkles", centre, lengths, 6.5 * c / 50)
    return 255 + stays * (image - 255)


def spectral(side, random, stream, power):
    left = 2 * math.pi * random.uniform(stream, (side, side // 2))
    phases = np.concatenate([left, left[::-1, ::-1]], axis=1)
    spectrum = np.roll(power * np.exp(1j * phases), (side // 2, side // 2), (0, 1))
    noise = fft.ifft2(spectrum).real
    return noise / noise.std()


def blue_noise_sample(image, c, random):
    side = len(image)
    power = of_pixels(side, lambda y, x: math.hypot(y - side / 2, x - side / 2))
    noise = spectral(side, random, "blue_noise_sample", power)
    return image * (noise > 0.3 * c - 2.5)[..., None]


def brownish_noise(image, c, random):
    side = len(image)
    power = of_pixels(side, lambda y, x: 1 / ((y - side / 2) ** 2 + (x - side / 2) ** 2 + 1))
    noise = [spectral(side, random, f"brownish_noise/{one}", power) for one in range(3)]
    return image + 6.4 * c * np.stack(noise, axis=2)


def checkerboard_cutout(image, c, random):
    side = len(image)
    u = random.uniform("checkerboard_cutout", (2,))
    angle, field = 2 * math.pi * u[0], max((0.1 + 0.15 * u[1]) * side, 1)
    count = int(4 * side // field)
    drawn = random.uniform("checkerboard_cutout/fields", (1600,)).reshape(40, 40)
    grid = drawn[:count, :count] < 0.1 * c

    def covered(y, x):
        row = (math.cos(angle) * y + math.sin(angle) * x) / field
        column = (math.cos(angle) * x - math.sin(angle) * y) / field
        return int(row % 2) == int(column % 2) and grid[int(row), int(column)]

    return np.where(of_pixels(side, covered)[..., None], 128, image)


def perlin_noise(image, c, random):
    side = len(image)
    order = random.uniform("perlin_noise/order", (256,)).argsort(kind="stable")
    gradients = random.integers("perlin_noise/gradients", 512, (256, 2)) - 256.0
    gradients /= np.linalg.norm(gradients, axis=1, keepdims=True)

    def noise(y, x):
        top, left = math.floor(y), math.floor(x)
        ease = [t * t * (3 - 2 * t) for t in (y - top, x - left)]

        def towards(below, right):
            kind = order[(order[(top + below) % 256] + (left + right) % 256) % 256]
            return gradients[kind] @ (y - top - below, x - left - right)

        sides = [
            towards(0, right) + ease[0] * (towards(1, right) - towards(0, right))
            for right in (0, 1)
        ]
        return 1.5 * (sides[0] + ease[1] * (sides[1] - sides[0]))

    def turbulence(y, x):
        return sum(abs(noise(f * y * 7 / side, f * x * 7 / side)) / f for f in (1, 2, 4, 8, 16))

    found = (0.5 * of_pixels(side, turbulence) + 0.5).clip(0, 1)[..., None]
    return (1 - 0.05 * c) * image + 255 * 0.05 * c * found


def caustic_refraction(image, c, random):
    side = len(image)
    u = random.uniform("caustic_refraction", (2,))
    time, size = 0.5 + 1.5 * u[0], (0.75 + 0.5 * u[1]) * side

    def light(y, x):
        p = [(one / size % 1) * 2 * math.pi - 250 for one in (y, x)]
        i, total = list(p), 1.0
        for n in range(5):
            t = time * (1 - 3.5 / (n + 1))
            i = [
                p[0] + math.cos(t - i[0]) + math.sin(t + i[1]),
                p[1] + math.sin(t - i[1]) + math.cos(t + i[0]),
            ]
            parts = p[0] / (math.sin(i[0] + t) / 0.005), p[1] / (math.cos(i[1] + t) / 0.005)
            total += 1 / math.hypot(*parts)
        return min(abs(1.17 - (total / 5) ** 1.4) ** 8, 1)

    lit = np.pad(ndimage.gaussian_filter(of_pixels(side, light), 1, mode="reflect"), 1)
    channels = np.pad(image / 255, ((1, 1), (1, 1), (0, 0)))

    def value(y, x):
        down = lit[y + 2, x + 1] - lit[y, x + 1]
        across = lit[y + 1, x + 2] - lit[y + 1, x]
        normal = np.array([down, across, 1]) / math.sqrt(down**2 + across**2 + 1)
        straight = np.array([0.0, 0.0, 1.0])
        moved = straight
        if normal[2] < 1 - 1e-3:  # Snell's law, in the plane of the ray and the normal
            out = math.asin(math.sin(math.acos(normal[2])) / 4)
            along = straight - normal[2] * normal
            moved = math.cos(out) * normal + math.sin(out) * along / np.linalg.norm(along)
        place = [y + 1 + 0.05 * c * side * moved[0], x + 1 + 0.05 * c * side * moved[1]]
        found = [
            ndimage.map_coordinates(channels[..., one], [[at] for at in place], order=1)[0]
            for one in range(3)
        ]
        return np.array(found) + (down - across) * 0.2 * c

    return 255 * of_pixels(side, value)
