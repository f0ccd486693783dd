"""Wire layer: conversion between messages and domain values, statuses and metadata names."""
