"""Wire layer: conversion between proto and domain, error statuses, metadata names; no transport."""
