CREATE TABLE t (k VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v INT) DEFAULT CHARSET=utf8mb4;
-- rows
INSERT INTO t VALUES ('a', 1), ('A', 2), ('á', 3), ('B', 4), ('b', 5), ('', 6), ('Z', 7), ('_', 8), ('é', 9), ('É', 10), ('1', 11), ('01', 12), ('1a', 13);
