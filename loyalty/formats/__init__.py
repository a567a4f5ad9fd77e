"""How dates are written where Django's own formats do not fit the people who read them here."""
