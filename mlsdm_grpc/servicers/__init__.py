"""Servicers, one file for each service.

Each converts requests, calls the engine, and converts back.
"""
