CREATE TABLE t (k SET('z','a') PRIMARY KEY, v INT);
-- rows
INSERT INTO t VALUES ('', 0), ('z', 1), ('a', 2), ('z,a', 3);
