"""The organisers' door and what lies behind it; every page but the door's asks who is there."""
