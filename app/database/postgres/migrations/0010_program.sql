-- The version of the program that made this schema: an older one names it when it refuses the store.
CREATE TABLE program (version text COLLATE "C" NOT NULL);
INSERT INTO program (version) VALUES ('');
