"""syphus: instruction data for vision-language models, made from annotations."""

__version__ = "0.1.0"
