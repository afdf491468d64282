"""Maintenance of a store: backup, restore, doctor, repair; knows the features' tables."""
