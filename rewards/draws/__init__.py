"""Prize draws and pools of prizes by chance, in such a way that everybody can check them (docs/draws.md)."""
