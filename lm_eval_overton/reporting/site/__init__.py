"""A leaderboard as a static site: it needs no server, and nothing is asked of any network.

`index.html` loads `data/index.js` and the table of the largest board; the tables of other boards
and of tags, and the values of single models, are files of their own that are loaded where they are
looked at. Data are scripts, since a page that was opened as a file may read nothing else.
"""

from lm_eval_overton.reporting.site.pages import write_site

__all__ = ["write_site"]
