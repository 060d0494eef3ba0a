"""Source formats: one file each, from annotation files to scenes."""
