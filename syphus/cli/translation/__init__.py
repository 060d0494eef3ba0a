"""The parts of ``syphus translate``."""
