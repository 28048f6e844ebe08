"""What is it that somebody handed in by mistake? Told from the first bytes, for the reason of the refusal."""

import re

_HEAD_BYTES = 512

# Signatures of what lies in folders of pictures, of other picture formats first. Sources: the formats' own
# specifications; for those without one, the documentation of `file`(1).
_SIGNATURES = (
    (rb"GIF8[79]a", "GIF"),
    (rb".{128}DICM", "DICOM"),
    (rb"[\x02\x08]\0[\0-\x20]\0([A-Z]{2}[\0-\x7f]|[\0-\x7f]\0\0\0)", "DICOM without its preamble"),
    (rb"\0\0.{2}ftyp(heic|heix|heim|heis|hevc|mif1|msf1|avif|avis)", "HEIC or AVIF"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"\0\0\0\x0cJXL |\xff\x0a", "JPEG XL"),
    (rb"8BPS", "Photoshop (PSD)"),
    (rb"gimp xcf", "GIMP (XCF)"),
    (rb"II\*\0\x10\0\0\0CR|IIU\0|IIR[OS]|MMOR|FUJIFILMCCD-RAW|FOVb|\0MRM", "a camera's raw file"),
    (rb"\0\0[\x01\x02]\0[\x01-\xff]\0", "an icon (ICO or CUR)"),
    (rb"icns", "an icon (ICNS)"),
    (rb"P[1-7][\s#]|P[fF]\s", "PNM"),
    (rb"\x0a[\0-\x05]\x01[\x01\x02\x04\x08]|\xb1\x68\xde\x3a", "PCX"),
    (rb"#\?(RADIANCE|RGBE)", "Radiance HDR"),
    (rb"v/1\x01", "OpenEXR"),
    (rb"DDS ", "DDS"),
    (rb"qoif", "QOI"),
    (rb"farbfeld", "farbfeld"),
    (rb"\x01\xda[\0\x01][\x01\x02]\0", "SGI"),
    (rb"\x59\xa6\x6a\x95", "Sun raster"),
    (rb"[\x8a\x8b][MJ]NG\r\n", "MNG or JNG"),
    (rb"BPG\xfb", "BPG"),
    (rb"FLIF", "FLIF"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "a Windows metafile"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript"),
    (rb"SIMPLE  =", "FITS"),
    (rb"/\* XPM \*/|#define \S+_width", "XBM or XPM"),
    (rb"(\xef\xbb\xbf)?\s*(<\?xml.{0,400}?)?(<!--.{0,400}?-->\s*)?<svg", "SVG"),
    (rb"\x89PNG|.{8,20}IHDR", "a PNG whose first bytes are damaged"),
    (rb"\xff[\xc0-\xfe].{2,8}(JFIF|Exif)", "a JPEG whose first bytes are damaged"),
    (rb"\xff\xd8", "a JPEG that ends or breaks off after its first two bytes"),
    (rb"II[*+]|MM\0[*+]", "a TIFF whose first bytes are damaged"),
    (rb"RIFF", "a RIFF file that is no WebP (sound or video)"),
    (rb"%PDF-", "PDF"),
    (rb".{4}ftyp|\0\0\x01[\xb3\xba]|\x1aE\xdf\xa3|OggS", "a video"),
    (rb".{4}[\x11\x12]\xaf", "an animation (FLI)"),
    (rb"PK\x03\x04|PK\x05\x06", "a ZIP archive"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|.{257}ustar", "an archive"),
    (rb"\xd0\xcf\x11\xe0", "an Office document"),
    (rb"\x89HDF|CDF[\x01\x02]", "scientific data"),
    (rb"SQLite format 3", "a database"),
    (rb"\0+\Z", "zero bytes alone"),
    (rb"\xff\xfe|\xfe\xff|[\t\n\f\r\x1b\x20-\x7e\x80-\xff]+\Z", "text"),
    # two letters begin many texts as well
    (rb"BM", "a damaged or unknown kind of BMP"),
    (rb"\x7fELF|MZ", "a program"),
)
_COMPILED = tuple((re.compile(pattern, re.DOTALL), name) for pattern, name in _SIGNATURES)
_TARGA_END = b"TRUEVISION-XFILE.\0"  # TGA has no signature at its start


def name_content(data: bytes) -> str:
    """Return in a few words what a file is that is none of the accepted formats.

    Args:
        data: the whole file.
    """
    if data.endswith(_TARGA_END):
        return "TGA"
    head = data[:_HEAD_BYTES]
    return next((name for pattern, name in _COMPILED if pattern.match(head)), "something else")
