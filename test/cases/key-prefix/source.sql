CREATE TABLE t (k VARCHAR(50), v INT, PRIMARY KEY (k(3)));
-- rows
INSERT INTO t VALUES ('abcdef', 1), ('abdxyz', 2), ('b', 3);
