-- From this version on `contacts.updated_at` has microseconds, which versions before would show.
SELECT 1;
