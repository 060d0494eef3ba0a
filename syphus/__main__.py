"""``python -m syphus``."""

import sys

from syphus.cli.main import main

sys.exit(main())
