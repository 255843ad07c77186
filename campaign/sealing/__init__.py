"""Sealing: boxes, codes, the server's keys, the campaign's key pair, digests of addresses."""
