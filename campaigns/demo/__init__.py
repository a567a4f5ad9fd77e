"""The demo program: Setia Records, a music shop with real purchases and invented people."""
