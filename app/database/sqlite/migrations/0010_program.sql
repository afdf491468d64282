-- The version of the program that made this schema: an older one names it when it refuses the store.
CREATE TABLE program (version TEXT NOT NULL) STRICT;
INSERT INTO program (version) VALUES ('');
