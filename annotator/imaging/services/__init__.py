"""Import DICOM files, serve their frames."""
