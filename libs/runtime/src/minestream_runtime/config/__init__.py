"""Configuration files in the shapes that operators' design documents gave: read and translated."""
