"""Boxes, codes, the server's keys, the campaign's key pair, address digests."""
