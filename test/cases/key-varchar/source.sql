CREATE TABLE t (k VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v INT);
-- rows
INSERT INTO t VALUES ('1', 0), ('01', 1), ('1a', 2), ('it''s', 3), ('\\\\', 4), ('a b', 5), ('', 6), ('\t', 7), ('数', 8);
