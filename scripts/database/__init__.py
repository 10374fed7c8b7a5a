"""Commands on the database, in the image as well: migrations, dumps, events again."""
