CREATE TABLE t (k VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, v INT) DEFAULT CHARSET=utf8mb4;
-- rows
INSERT INTO t VALUES ('a', 1), ('B', 2), ('c', 3), ('É', 4), ('Z', 5), ('_', 6), ('10', 7), ('9', 8), ('aB', 9), ('Ac', 10), ('ß', 11), ('~', 12);
