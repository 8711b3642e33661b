"""The report page of a model: one HTML file that needs nothing beside it, for people to look at and listen to.

curves.py     a run's learning curves, out of its log
listening.py  a piece, its buttons, and what models make of them, as notes and as sound
counting.py   how often each button and key is used
charts.py     all that as inline SVG
page.html     the page, a Jinja template
making.py     puts them together
"""
