"""Races between scbtools and what a strong user of other libraries would write."""
