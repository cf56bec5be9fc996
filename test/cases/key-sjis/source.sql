CREATE TABLE t (k VARCHAR(20) CHARACTER SET sjis COLLATE sjis_bin PRIMARY KEY, v INT);
-- rows
INSERT INTO t VALUES (_sjis x'5C', 1), (_sjis x'815F', 2), ('a', 3), ('', 4), (_sjis x'815F61', 5), (_sjis x'5C61', 6), (_sjis x'955C', 7), ('?', 8), (_sjis x'FC4B', 9);
