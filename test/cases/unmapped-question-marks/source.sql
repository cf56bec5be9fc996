CREATE TABLE t (k VARCHAR(10) CHARACTER SET cp1251 PRIMARY KEY, v VARCHAR(20) CHARACTER SET gbk, x TEXT CHARACTER SET sjis, a CHAR(5) CHARACTER SET ascii, e ENUM('я','?') CHARACTER SET cp1251);
-- rows
INSERT INTO t VALUES ('?', '??', 'a?b', '?', '?'), ('я?', '数?', '表?', 'a', 'я'), ('', '', '', '', NULL), ('z', NULL, NULL, NULL, NULL);
