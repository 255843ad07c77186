"""The web application: supporters' and organisers' pages."""
