"""Servicers of the contract, one file for each service.

Each one converts requests, calls the engine, and converts the results back.
"""
