"""The desk's theme: its name, its colours, and what stands at its side. Names are looked up when the first page is asked for."""

UNFOLD = {
    "SITE_TITLE": "Setia",
    "SITE_HEADER": "Setia",
    "SITE_SUBHEADER": "loyalty.desk.navigation.subheader",
    "SITE_SYMBOL": "loyalty",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SHOW_LANGUAGES": False,
    "BORDER_RADIUS": "8px",
    "DASHBOARD_CALLBACK": "campaigns.dashboard.fill",
    "STYLES": ["loyalty.desk.navigation.stylesheet"],
    "SCRIPTS": ["loyalty.desk.navigation.script"],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "loyalty.desk.navigation.favicon"}],
    "ACCOUNT": {"navigation": "loyalty.desk.navigation.account_links"},
    "COMMAND": {"search_models": False, "show_history": False, "search_callback": "loyalty.desk.navigation.found"},
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "loyalty.desk.navigation.sidebar",
    },
    # A deep teal: calm on long days, readable (4.5:1) under white text.
    "COLORS": {
        "primary": {
            "50": "#eefaf7",
            "100": "#d5f3ea",
            "200": "#aee6d7",
            "300": "#78d3be",
            "400": "#3fb8a0",
            "500": "#1f9c86",
            "600": "#0f766e",
            "700": "#0e645d",
            "800": "#10504b",
            "900": "#11423f",
            "950": "#042725",
        },
    },
}
