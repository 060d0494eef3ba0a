"""Pure coroutines over ask."""
