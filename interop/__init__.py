"""The format in other languages, their test programs, and deliberately wrong variants of them."""
