"""What a picture may be at most and must be at least. Checked before a pixel is decoded."""

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Bytes of one file. Larger ones are refused unread, so that no file can fill the memory of a worker."""

MAX_PIXELS = 50_000_000
"""Width times height, in pixels. At 4 bytes a pixel one picture takes 200 MB while it is decoded; a 5.8 KB
JPEG that claims 9000x9000 took 639 MB without a limit. Today's cameras write 12 to 50 megapixels."""

MIN_SIDE = 64
"""Pixels of the shorter side. Below it a picture is a thumbnail in which no lesion can be judged."""

MAX_ASPECT = 10
"""Longer side over shorter side. No camera writes more; a damaged header easily claims 65,535 x 90."""

PIXELS_AT_ONCE = MAX_PIXELS
"""Pixels that a worker decodes at the same time, in all its threads: four pictures of 12 megapixels, or one of 50."""
