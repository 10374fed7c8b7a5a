"""Series: edit from an occurrence on, stop, resume, preview a rule."""
