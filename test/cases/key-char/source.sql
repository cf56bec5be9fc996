CREATE TABLE t (k CHAR(5) CHARACTER SET latin1 PRIMARY KEY, v INT);
-- rows
INSERT INTO t VALUES ('a', 0), ('é', 1), ('ab', 2), ('', 3), ('€', 4), ('z', 5);
