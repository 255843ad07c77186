"""How pages are served: cache, headers, errors, languages, static files, health and metrics."""
