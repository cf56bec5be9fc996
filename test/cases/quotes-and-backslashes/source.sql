CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100), x TEXT);
-- rows
INSERT INTO t VALUES (1, '\'', '\'\''), (2, '\\', '\\\\'), (3, '\\\'', '\'\\'), (4, '"', '`'), (5, '\'); DROP TABLE t; --', '/* */ ?'),
 (6, '\\t\\n\\0\\N', '\\x41'), (7, '%_%', ':a @b $1'), (8, REPEAT('\'', 99), REPEAT('\\', 999)), (9, '\\\\\'\\\'', '\\"');
