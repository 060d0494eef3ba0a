"""Readers of questions with answers, of writing in pictures, of expressions and figures."""
