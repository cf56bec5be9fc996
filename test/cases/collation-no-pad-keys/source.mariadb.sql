CREATE TABLE t (k VARCHAR(20) COLLATE utf8mb4_nopad_bin PRIMARY KEY, v INT) DEFAULT CHARSET=utf8mb4;
-- rows
INSERT INTO t VALUES ('a', 1), ('a ', 2), ('a\t', 3), ('a  ', 4), ('', 5), (' ', 6);
