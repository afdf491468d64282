-- PostgreSQL changes its rate limits; both engines have the same versions.
SELECT 1;
