"""Segments: saved questions about members, who answers them and since when, lists frozen in time, and RFM scores (DOMAIN 10.1)."""
