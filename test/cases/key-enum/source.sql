CREATE TABLE t (k ENUM('z','a','1') PRIMARY KEY, v INT);
-- rows
INSERT INTO t VALUES ('z', 0), ('a', 1), ('1', 2);
