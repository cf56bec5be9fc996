CREATE TABLE t (id INT PRIMARY KEY, c CHAR(8), v VARCHAR(8), x TEXT, b CHAR(8) COLLATE utf8mb4_bin) DEFAULT CHARSET=utf8mb4;
-- rows
INSERT INTO t VALUES (1, 'a', 'a', 'a', 'a'), (2, 'a  ', 'a  ', 'a  ', 'a  '), (3, '  ', '  ', '  ', '  '), (4, ' a', ' a ', ' a ', ' a'), (5, 'a\t', 'a\t', 'a\t ', 'a\n');
