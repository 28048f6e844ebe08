"""From the bytes of a file to sRGB pixels, the same way in training and in screening."""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile

from models.errors import ImageRefused
from models.formats import ImageFormat
from models.inspection import ImageFacts, open_inspected, refused_as_unreadable
from models.strips import pixels_of, strips
from models.structure import MAX_EXIF_BYTES

Pixels = NDArray[np.uint8]

_ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4 A; also tag 274 of TIFF 6.0
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored[:, ::-1].swapaxes(0, 1),
}
_MAX_PROFILE_BYTES = 4 << 20  # display profiles have 0.5 KB to 1 MB; some are remembered, see `_is_srgb`
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # TIFF 6.0 tags
_WHITE_IS_ZERO = 0

# A 6 x 6 x 6 grid of colours, to see cheaply whether a profile changes anything at all.
_PROBE = (np.indices((6, 6, 6)).reshape(3, 6, 36).transpose(1, 2, 0) * 51).astype(np.uint8)


def decode(
    data: bytes, suffix: str, at_least: int | None = None, before: Callable[[int], None] | None = None
) -> NDArray[np.uint8]:
    """Decode a file completely, turn it upright and convert it to sRGB.

    Args:
        data: the whole file.
        suffix: the extension of its name with the dot, or "".
        at_least: the network's input side in pixels. A JPEG may then be shrunk by 2, 4 or 8 while it is decoded, as
            far as both sides stay at 2 * ``at_least`` or more. libjpeg does that by leaving out frequencies, which
            makes large photographs 2.5 to 5 times faster to decode and resize; twice the input side keeps enough
            pixels for the final, antialiased resize. It changes pixels by about 1, so training and screening must
            pass the same value. None decodes at full size.
        before: called once the header is checked and before memory is taken, with the pixels that will be held. It may
            wait for others to let go of theirs.

    Returns:
        Pixels of shape (height, width, 3), uint8, sRGB, 0 to 255, C-contiguous and writeable. 16-bit grey is
        divided by 257, so that 65535 becomes 255. Of 16-bit RGB, Pillow keeps the high byte, which differs
        from a division by 257 by at most 1.

    Raises:
        ImageRefused: `models.inspection.inspect` refuses the file, it is truncated or corrupt, or a pixel
            of it is not fully opaque.
    """
    image, facts = open_inspected(data, suffix)
    with image:
        if not _tiles_cover(image):
            raise ImageRefused("unreadable: parts of the picture data are missing")
        try:
            if at_least is not None and facts.format is ImageFormat.JPEG:
                image.draft(None, (2 * at_least, 2 * at_least))
            if before is not None:
                before(_held(image, facts))
            image.load()
        except Exception as error:
            raise refused_as_unreadable(error, "the picture data") from error
        try:
            if _has_see_through(image, data, facts.format):
                raise ImageRefused("transparent: real alpha, expected every pixel to be opaque")
            colours = _to_srgb(_to_eight_bit(image, facts.format), image.info.get("icc_profile"))
            turn = _TURNS.get(_orientation(image))
            if colours is not image:
                image.close()  # of a picture of 50 megapixels each copy takes 150 to 200 MB
            stored = pixels_of(colours)
            colours.close()
            return stored if turn is None else np.ascontiguousarray(turn(stored))
        except ImageRefused:
            raise
        except Exception as error:
            raise refused_as_unreadable(error, "the picture data") from error


def _held(image: ImageFile.ImageFile, facts: ImageFacts) -> int:
    """Pixels in memory while a picture is decoded. Of a JPEG that is shrunk meanwhile only the shrunk ones.

    But libjpeg keeps the whole of a progressive one, 2 bytes a coefficient, until its last scan is read.
    """
    if image.info.get("progressive"):
        return facts.width * facts.height
    return image.width * image.height


def _tiles_cover(image: ImageFile.ImageFile) -> bool:
    """Say whether the strips or tiles of an uncompressed TIFF make up the whole picture.

    Pillow leaves black what no strip covers, without a word. For all other files it has one tile for everything.
    """
    area: dict[object, int] = {}  # pixels that the strips of each layer cover
    for tile in image.tile:
        left, top, right, bottom = tile.extents or (0, 0, *image.size)
        layer = tile.args[0] if isinstance(tile.args, tuple) and tile.args else None
        area[layer] = area.get(layer, 0) + (right - left) * (bottom - top)
    # each channel on a layer of its own, named by one letter: PlanarConfiguration 2, TIFF 6.0 section 8
    bands = image.getbands()
    layers = len(bands) if area and set(area) <= set(bands) else 1
    whole = image.width * image.height
    return not area or (len(area) >= layers and all(covered >= whole for covered in area.values()))


def _has_see_through(image: ImageFile.ImageFile, data: bytes, found: ImageFormat) -> bool:
    """Say whether any pixel is not fully opaque. An alpha channel that is opaque everywhere says nothing."""
    if image.mode in ("LA", "PA", "RGBA"):
        return cast("tuple[int, int]", image.getchannel("A").getextrema())[0] < 255
    # Taken out, because every later conversion would try to honour it in its own way.
    key = image.info.pop("transparency", None)
    if key is None or found is not ImageFormat.PNG:
        return False
    if image.mode == "P":
        alpha = np.full(256, 255, np.uint8)
        if isinstance(key, int):
            alpha[key] = 0
        else:
            alpha[: len(key)] = np.frombuffer(key, np.uint8)[:256]
        return bool(np.any(alpha[np.asarray(image)] < 255))
    # tRNS names one colour at the depth of the file (in IHDR, ISO/IEC 15948 11.2.2). Pillow spreads 1, 2 and
    # 4 bits over 0..255 and keeps the high byte of 16-bit RGB, but leaves the colour as it stands.
    depth = data[24]
    colour = np.asarray(key)
    if image.mode == "1":
        colour = colour > 0
    elif image.mode == "RGB" and depth == 16:
        colour = colour >> 8
    elif depth < 8:
        colour = colour * (255 // ((1 << depth) - 1))
    for rows in strips(image.height, image.width):
        equal = np.asarray(image.crop((0, rows.start, image.width, rows.stop))) == colour
        if np.any(equal.all(axis=-1) if equal.ndim == 3 else equal):
            return True
    return False


def _to_eight_bit(image: ImageFile.ImageFile, found: ImageFormat) -> Image.Image:
    """Scale 16-bit grey to 8 bit; Pillow's own ``convert`` clips 99.6 % of a full ramp to white."""
    if not image.mode.startswith("I;16"):
        return image
    tags = getattr(image, "tag_v2", {}) if found is ImageFormat.TIFF else {}
    # A 12-bit TIFF arrives in 16-bit pixels with its values as they were.
    bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]
    table = np.rint(np.clip(np.arange(1 << 16) / ((1 << bits) - 1), 0, 1) * 255).astype(np.uint8)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        table = 255 - table  # Pillow inverts such a TIFF at 8 bits but not at 16
    return Image.fromarray(table[np.asarray(image)])


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Convert to sRGB by the embedded ICC profile; without one, or with a broken or vast one, the pixels are sRGB.

    Profiles are opened anew for each picture: handles of LittleCMS are not shared between threads.
    """
    grey = image.mode in ("1", "L", "LA")
    plain = image.convert("RGB") if image.mode != "RGB" else image
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _MAX_PROFILE_BYTES or _is_srgb(profile):
        return plain
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "GRAY" and grey:
            return ImageCms.applyTransform(image.convert("L"), _transform(source, "L")) or plain
        if space == "RGB":
            return ImageCms.applyTransform(plain, _transform(source, "RGB")) or plain
    except Exception:
        # PyCMSError, OSError, TypeError or ValueError: the profile is broken, the pixels are sound.
        return plain
    return plain


@lru_cache(maxsize=32)
def _is_srgb(profile: bytes) -> bool:
    """Say whether a profile changes no colour by more than 1, as the sRGB profiles of most cameras do.

    Building a transform costs 3 ms, ten times a small picture, and a megapixel through it 55 ms, so the answer
    (never a handle of LittleCMS) is remembered for the few profiles that a batch has. ``lru_cache`` is safe in
    threads.
    """
    try:
        transform = _transform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), "RGB")
        moved = np.asarray(ImageCms.applyTransform(Image.fromarray(_PROBE), transform))
    except Exception:
        return False
    return bool(np.abs(moved.astype(np.int16) - _PROBE).max() <= 1)


def _transform(source: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(source, srgb, mode, "RGB", ImageCms.Intent.PERCEPTUAL)


def _orientation(image: ImageFile.ImageFile) -> int:
    """Return the EXIF orientation, 1 to 8, or 1 where the EXIF block is missing, broken or beyond all sizes.

    Only this tag is read: ``ImageOps.exif_transpose`` rewrites the whole block and fails on a broken one.
    """
    if len(image.info.get("exif", b"")) > MAX_EXIF_BYTES:
        return 1  # a tag in it may be made of millions of fractions
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1  # a broken EXIF block does not spoil a sound picture
    return orientation if isinstance(orientation, int) else 1
