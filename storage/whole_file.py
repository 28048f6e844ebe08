"""Files that are either there whole or not at all, for those who write what storage holds."""

from models.whole_file import whole_binary_file, whole_file, write_whole

__all__ = ["whole_binary_file", "whole_file", "write_whole"]
