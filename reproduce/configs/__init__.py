"""Sizes and schedules, one module per paper."""
