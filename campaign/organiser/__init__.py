"""Organisers: their accounts and roles, what they log in with, and how the campaign's key reaches them."""
