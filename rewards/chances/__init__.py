"""Pools of prizes by chance: mystery rewards and instant wins that everybody can compute again (docs/draws.md)."""
