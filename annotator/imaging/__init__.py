"""Cines: DICOM import, de-identification, exact frames."""
