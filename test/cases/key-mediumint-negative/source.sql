CREATE TABLE t (k MEDIUMINT PRIMARY KEY, v INT);
-- rows
INSERT INTO t VALUES (-3, 0), (-2, 1), (-1, 2), (0, 3), (1, 4), (2, 5), (3, 6);
