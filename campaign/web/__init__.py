"""The site: supporters' pages, the progress of the campaign, and the organisers' door."""
