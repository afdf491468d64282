"""Maintenance of a store: backup, restore, doctor, rebuild; knows the features' tables."""
