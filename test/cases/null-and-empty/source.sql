CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), x TEXT, b VARBINARY(9), i INT, s SET('a'));
-- rows
INSERT INTO t VALUES (1, NULL, NULL, NULL, NULL, NULL), (2, '', '', '', 0, ''), (3, 'NULL', 'NULL', 'NULL', -1, 'a'), (4, '\\N', '\\N', '\\N', 1, 'a'),
 (5, '0', '0', '0', 0, ''), (6, '\\', '\\\\N', '\\', 0, NULL), (7, 'N', '\\n', 'N', 0, NULL);
